# %% [markdown]
# # 5. A deep averaging network and its five studies
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/hf-lmcourse/hf-lmcourse/blob/main/notebooks/05_deep_averaging_network.ipynb)
#
# A deep averaging network (Iyyer et al. 2015) classifies a text by the mean of its word vectors. The
# course asks for five studies of it: accuracy by epoch, word dropout, depth, activation, and five
# reviews that it gets wrong. All five are here, on a small corpus.

# %%
from importlib.util import find_spec

if find_spec("hf_lmcourse") is None:  # on Colab
    get_ipython().run_line_magic("pip", "install -q git+https://github.com/hf-lmcourse/hf-lmcourse")  # noqa: F821

# %% [markdown]
# ## The data
#
# The course uses IMDB: with `LMCOURSE_DATA`, or a network, `corpus: imdb` in the recipe does, and takes
# much longer. The package also makes reviews of restaurants from a grammar, with negation. A
# few labels are wrong on purpose, so that no model is always right.

# %%
import hf_lmcourse
from hf_lmcourse.data.labelled import load_labelled_corpus
from hf_lmcourse.data.toy_reviews import NOISE

corpus = load_labelled_corpus("toy_reviews")
print(f"{len(corpus.splits['train']):,} reviews to train on; {NOISE:.0%} of the labels are wrong")
for text, label in zip(corpus.splits["train"].texts[:5], corpus.splits["train"].labels):
    print(f"{corpus.label_names[label]}: {text}")

# %% [markdown]
# ## The model
#
# $$z = \frac{1}{|X|} \sum_{w \in X} v_w \qquad h = \mathrm{relu}(z W_1 + b_1) \qquad
# \hat y = \mathrm{softmax}(h W_2 + b_2)$$
#
# The mean is over the words of the text and not over padding, which is a common mistake. Word dropout
# leaves each word out of the mean with a probability, in training only.

# %%
from pathlib import Path

Path("dan.yaml").write_text("""
model: {model_type: lmcourse_dan, embedding_size: 32, hidden_size: 32, word_dropout: 0.1}
data: {corpus: toy_reviews}
training: {num_train_epochs: 6, per_device_train_batch_size: 50, per_device_eval_batch_size: 500,
           learning_rate: 1e-2, logging_steps: 80}
""")
run = hf_lmcourse.train("dan.yaml")
run

# %% [markdown]
# ## Study 1: accuracy by epoch
#
# If the loss on validation rises while that on training falls, further epochs only memorise. The loss on
# training is with word dropout, so it may be the higher one.

# %%
from IPython.display import Image

Image(run.folder / "plots" / "learning_curve.png", width=640)

# %% [markdown]
# ## Studies 2 to 4: word dropout, depth, activation
#
# A study is a recipe and one setting that varies. Every variant is trained twice, with different
# seeds, since a difference smaller than that between two seeds means nothing. The variants are
# compared on the validation texts; only the best of each study is scored on the test texts.

# %%
from hf_lmcourse.studies.plots import plot_study
from hf_lmcourse.studies.run_study import run_study
from hf_lmcourse.studies.study_file import read_study
from hf_lmcourse.studies.table import study_table


def study(name, values):
    file, folder = Path(f"{name}.yaml"), Path("runs", name)
    file.write_text(f"""
base: dan.yaml
fixed: {{num_train_epochs: 3, disable_tqdm: true, save_strategy: "no"}}
vary: {{{name}: {values}}}
seeds: [1, 2]
""")
    record = run_study(read_study(str(file)), folder, log=lambda line: None)
    print(study_table(record))
    return Image(plot_study(record, folder)[0], width=760)


study("word_dropout", "[0.0, 0.3, 0.6]")

# %% [markdown]
# Dropping words makes the model rely on more of them. In long reviews, which say the same in many words,
# that helps; in short ones, in which each word may decide, it takes away what the model needs.

# %%
study("num_hidden_layers", "[0, 1, 2, 3]")

# %% [markdown]
# Without a hidden layer the model adds up a score for each word. A hidden layer can react to two
# words together, such as a negation and a good word, as far as the mean still has both.

# %%
study("hidden_act", "[relu, tanh, gelu]")

# %% [markdown]
# An activation that has just begun to learn after these few epochs may still catch up: give it more
# before you call it worse.

# %% [markdown]
# ## Study 5: what it gets wrong
#
# First the two wrong ones in which the model was most confident. Read them: the label is one of those that
# are wrong on purpose, and the model is right. Next come three of which it was less sure. Decide for each
# which is wrong, the label or the model. Where it is the model, the reason is what a mean cannot
# express: which of the words a negation belongs to. A word's contribution is the change of the
# log-odds of the predicted class when the word is left out.

# %%
import torch

from hf_lmcourse.inspection.classifier_errors import word_contributions

test = corpus.splits["test"]
wrong = []
for text, label in zip(test.texts, test.labels):
    ids = run.tokenizer(text, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        p = run.model(ids).logits.softmax(-1)[0]
    if p.argmax() != label:
        wrong.append((p.max().item(), text, label, ids[0]))
print(f"{len(wrong)} of {len(test)} are wrong\n")
wrong.sort(key=lambda found: -found[0])
flipped = round(NOISE * len(test))
for p, text, label, ids in wrong[:2] + wrong[flipped : flipped + 3]:
    gain = word_contributions(run.model, ids).leave_one_out
    words = run.tokenizer.convert_ids_to_tokens(ids)
    strongest = ", ".join(f"{words[i]} {gain[i]:+.2f}" for i in gain.argsort(descending=True)[:3])
    print(f"{text}\n  true: {corpus.label_names[label]}, predicted the other with {p:.1%}")
    print(f"  for the prediction: {strongest}\n")
