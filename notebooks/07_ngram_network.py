# %% [markdown]
# # 7. An n-gram network, its word vectors and its optimizers
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/hf-lmcourse/hf-lmcourse/blob/main/notebooks/07_ngram_network.ipynb)
#
# Bengio's network (2003) predicts a word from the n - 1 words before it. The course asks what is
# expensive in it, which optimizer trains it best, whether to share the input and output vectors, and
# what its word vectors have learned.

# %%
from importlib.util import find_spec

if find_spec("hf_lmcourse") is None:  # on Colab
    get_ipython().run_line_magic("pip", "install -q git+https://github.com/hf-lmcourse/hf-lmcourse")  # noqa: F821

# %% [markdown]
# ## The model
#
# The vectors of the context words are concatenated, and one hidden layer predicts the next word:
#
# $$h = \tanh([v_{t-4}; v_{t-3}; v_{t-2}; v_{t-1}]\, H + d) \qquad \hat y = \mathrm{softmax}(h U + b)$$
#
# Tied means that $U$ is the matrix of the word vectors, so each word has one vector in place of two.
# The text is WikiText-2 if `LMCOURSE_DATA` names a folder that has it (then it takes longer), and
# Python's help if not. The words are the 2,000 most frequent, all others are `<unk>`.

# %%
import os
from pathlib import Path

folder = Path(os.environ.get("LMCOURSE_DATA", os.devnull))
corpus = "wikitext-2" if (folder / "wikitext-2").is_dir() else "cpython-docs"
Path("ngram.yaml").write_text(f"""
model: {{model_type: lmcourse_ngram_fnn, context_size: 4, embedding_size: 64, hidden_size: 64}}
data: {{corpus: {corpus}, tokenizer: word, max_vocabulary: 2000, block_length: 32,
       random_offset: true}}
training: {{max_steps: 120, per_device_train_batch_size: 16, per_device_eval_batch_size: 16,
           eval_strategy: "no", save_strategy: "no", logging_steps: 100, sample_length: 0}}
""")
print(f"the text: {corpus}")

# %% [markdown]
# ## Which operation is the most expensive?
#
# Per predicted word, the hidden layer multiplies 4 vectors by $H$, and the output layer multiplies $h$
# by a column for each word of the vocabulary. The check counts the multiplications and measures what
# approximations of the softmax save.

# %%
from hf_lmcourse.theory.items import run_check

run_check("softmax_cost")

# %% [markdown]
# ## Four optimizers, and tied vectors
#
# Each optimizer has its own scale of learning rates, so each gets a rate that suits it; to compare them
# at one rate would compare the rates. Weight decay is off: in SGD, Adagrad and RMSprop it would be
# multiplied by the rate.

# %%
from hf_lmcourse.studies.plots import plot_study
from hf_lmcourse.studies.run_study import run_study
from hf_lmcourse.studies.study_file import read_study
from hf_lmcourse.studies.table import study_table

Path("optimizers.yaml").write_text("""
base: ngram.yaml
fixed: {weight_decay: 0.0, disable_tqdm: true, eval_strategy: steps, eval_steps: 40, logging_steps: 40}
variants:
  SGD: {optim: sgd, learning_rate: 10, max_grad_norm: 0.25}
  Adagrad: {optim: adagrad, learning_rate: 0.1}
  RMSprop: {optim: rmsprop, learning_rate: 5e-3}
  Adam: {optim: adamw_torch, learning_rate: 1e-2}
  "Adam, tied": {optim: adamw_torch, learning_rate: 1e-2, output_layer: tied}
metric: perplexity
curves_by: epoch
""")
record = run_study(read_study("optimizers.yaml"), Path("runs/optimizers"), log=lambda line: None)
print(study_table(record))

# %%
from IPython.display import Image

Image(plot_study(record, Path("plots"))[1], width=760)

# %% [markdown]
# ## What the word vectors have learned
#
# Words that occur among the same neighbours get similar vectors, because that helps to predict. It takes
# more steps than the study had, so here is a longer run, tied and with dropout. All vectors have a
# part in common, which says nothing about similarity and is subtracted. For some words, these are the
# nearest others by cosine.

# %%
from dataclasses import replace

import hf_lmcourse
from hf_lmcourse.models.exported_vectors import model_vectors

run = hf_lmcourse.train(
    "ngram.yaml", max_steps=500, output_layer="tied", learning_rate=1e-2, embedding_dropout=0.2
)
found = model_vectors(run.model, run.tokenizer)
learned = replace(found, vectors=found.vectors - found.vectors.mean(0))
unit = learned.vectors / (learned.vectors**2).sum(1, keepdims=True) ** 0.5
for word in ("the", "is", "it", "can", "for", "class", "method"):
    if word in learned.words:
        near = (-unit @ unit[learned.words.index(word)]).argsort()[1:7]
        print(f"{word:>8}: {', '.join(learned.words[i] for i in near)}")

# %% [markdown]
# ## Do people agree?
#
# The usual test compares the cosines with human judgements of similarity, by Spearman's correlation of
# the ranks. With `LMCOURSE_DATA` the judgements are WordSim-353; without it, they are the pairs below,
# which are ours. A pair with a word that the model does not know is left out and counted.

# %%
from hf_lmcourse.evaluation import word_similarity as similarity

ours = "is,are,9 can,may,8 two,three,8 a,an,9 if,when,6 class,function,5 the,must,1 is,list,1"
Path("pairs.csv").write_text(ours.replace(" ", "\n"))
pairs = "wordsim353" if (folder / "wordsim353").is_dir() else "pairs.csv"
scored = similarity.score_pairs(similarity.load_word_pairs(pairs), learned)
for s in [s for s in scored if s.cosine is not None][:8]:
    print(f"{s.pair.first:>8} {s.pair.second:<10} people {s.pair.human:<5} model {s.cosine:.2f}")
similarity.rank_correlation(scored)
