# %% [markdown]
# # 4. Perplexity on two passages, and why it differs
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/hf-lmcourse/hf-lmcourse/blob/main/notebooks/04_perplexity.ipynb)
#
# The course scores its models on a passage of Shakespeare and one of Wikipedia, and asks why the two
# perplexities differ, and why those of two models differ. Here are two small models, three passages,
# and the answer.

# %%
from importlib.util import find_spec

if find_spec("hf_lmcourse") is None:  # on Colab
    get_ipython().run_line_magic("pip", "install -q git+https://github.com/hf-lmcourse/hf-lmcourse")  # noqa: F821

# %% [markdown]
# ## Perplexity
#
# A model gives each token a probability. The perplexity of a text of $M$ tokens is
#
# $$PP = 2^{-\frac{1}{M} \sum_m \log_2 p_m} = e^{-\frac{1}{M} \sum_m \ln p_m}$$
#
# The base of the logarithm does not matter as long as it is the base of the power.

# %%
from hf_lmcourse.theory.items import run_check

run_check("perplexity")

# %% [markdown]
# ## Two models
#
# One reads characters and one reads words, of the same text: tiny Shakespeare if `LMCOURSE_DATA` names
# a folder that has it, and Python's help if not. The model of words knows the 3,000 most frequent;
# all others are one token, `<unk>`.

# %%
import os
from pathlib import Path

import hf_lmcourse

folder = Path(os.environ.get("LMCOURSE_DATA", os.devnull))
name = "tiny_shakespeare" if (folder / "tiny_shakespeare").is_dir() else "cpython-docs"
Path("reader.yaml").write_text("""
model: {model_type: lmcourse_lstm, embedding_size: 48, hidden_size: 96}
data: {block_length: 48, random_offset: true}
training: {max_steps: 150, per_device_train_batch_size: 16, learning_rate: 1e-2, logging_steps: 50,
           lr_scheduler_type: cosine, eval_strategy: "no", save_strategy: "no", sample_length: 0}
""")
runs = [
    hf_lmcourse.train("reader.yaml", corpus=name, output_dir=f"runs/{tokens}s", tokenizer=tokens,
                      max_vocabulary=3000 if tokens == "word" else None)
    for tokens in ("character", "word")
]  # fmt: skip

# %% [markdown]
# ## Three passages
#
# One from the validation text, which the models have not read; one from the training text, which they
# have; and a poem, in an English that is older than either.

# %%
corpus = hf_lmcourse.load_corpus(name)
passages = {
    "unread.txt": corpus.text("validation")[5000:7000],
    "read.txt": corpus.text("train")[5000:7000],
    "poem.txt": """Shall I compare thee to a summer's day?
Thou art more lovely and more temperate:
Rough winds do shake the darling buds of May,
And summer's lease hath all too short a date:
Sometime too hot the eye of heaven shines,
And often is his gold complexion dimm'd;
And every fair from fair sometime declines,
By chance or nature's changing course untrimm'd;
But thy eternal summer shall not fade
Nor lose possession of that fair thou owest;
Nor shall Death brag thou wander'st in his shade,
When in eternal lines to time thou growest:
So long as men can breathe or eyes can see,
So long lives this and this gives life to thee.
""",
}
for file, text in passages.items():
    Path(file).write_text(text, encoding="utf-8")
comparison = hf_lmcourse.perplexity([run.folder for run in runs], list(passages))
comparison

# %% [markdown]
# ## Why the passages differ
#
# First the model of characters. It expects what it has read: the poem has other words and other
# punctuation, so its perplexity is higher. The passage that was trained on is not held out, and the
# notes below the table say so.
#
# The model of words has its lowest perplexity on the poem, and not because it knows poems: look at the
# column "unknown". Where most words are `<unk>`, it guesses `<unk>` and is right. The figures of the
# course have the same reason behind them: a passage with many unknown words gets a low perplexity.
#
# ## Why the models differ
#
# Compare the rows of one passage. The perplexity of the model of words is larger because a word is a
# larger step: the choice is among all words and not among a few characters. On the other hand `<unk>`
# makes it smaller, since one guess covers all words that the model does not know. So the perplexities
# of the two do not compare. Bits per character compare if every character gets a probability. With
# `<unk>`, the spelling of the unknown words has to be added: this is the column "spelled", and it puts
# the poem back where it belongs.

# %% [markdown]
# ## Where it differs
#
# Surprisal is $-\log_2 p$ of each token. The stronger the colour, the less the model expected it.

# %%
from IPython.display import Image

from hf_lmcourse.text_perplexity.plots import plot_perplexities
from hf_lmcourse.text_perplexity.surprisal_plots import plot_surprisal

plot_perplexities(comparison.rows, Path("perplexity.png"))
Image("perplexity.png", width=760)

# %%
poem = [score for score in comparison.scores if score.text.name.startswith("poem")]
plot_surprisal(poem[0], Path("poem.png"))
Image("poem.png", width=760)
