# %% [markdown]
# # 2. A character model that writes
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/hf-lmcourse/hf-lmcourse/blob/main/notebooks/02_character_model.ipynb)
#
# The course trains a network to predict the next character of a text, reports its perplexity, and
# lets it write. So does this notebook.

# %%
from importlib.util import find_spec

if find_spec("hf_lmcourse") is None:  # on Colab
    get_ipython().run_line_magic("pip", "install -q git+https://github.com/hf-lmcourse/hf-lmcourse")  # noqa: F821

# %% [markdown]
# ## The text
#
# With the environment variable `LMCOURSE_DATA`, which names a folder that has
# `tiny_shakespeare/input.txt`, the text is Shakespeare as in the course. Without it, the text is the
# help of Python itself, which is on every machine. The validation text is never trained on.

# %%
import os
from pathlib import Path

import hf_lmcourse

folder = Path(os.environ.get("LMCOURSE_DATA", os.devnull))
name = "tiny_shakespeare" if (folder / "tiny_shakespeare").is_dir() else "cpython-docs"
corpus = hf_lmcourse.load_corpus(name)
for split in ("train", "validation"):
    text = corpus.text(split)
    print(f"{name}, {split}: {len(text):,} characters, {len(set(text))} different ones")
print(text[1000:1300])

# %% [markdown]
# ## The model
#
# A recipe is a YAML file with three sections: the model, the data and the training. Each character
# is a token with a vector of its own; a GRU reads the vectors one by one and keeps a state
# $h_t$; a linear layer and a softmax turn the state into a distribution over the next character:
#
# $$p(x_{t+1} \mid x_1 \dots x_t) = \mathrm{softmax}(W h_t + b)$$
#
# The loss is the mean of $-\ln p$ over all characters, in nats.

# %%
recipe = Path("character.yaml")
recipe.write_text("""
model: {model_type: lmcourse_gru, embedding_size: 48, hidden_size: 128}
data: {tokenizer: character, block_length: 64, random_offset: true}
training:
  max_steps: 400
  per_device_train_batch_size: 16
  learning_rate: 8e-3
  lr_scheduler_type: cosine
  warmup_steps: 30
  max_grad_norm: 1.0
  logging_steps: 50
  eval_strategy: steps
  eval_steps: 100
  save_strategy: steps
  save_steps: 100
  sample_length: 200
""")
run = hf_lmcourse.train(recipe, corpus=name)

# %% [markdown]
# ## Has it learned?
#
# The curve shows the loss on both texts. The dashed lines are models that only count characters:
# single ones, pairs, and triples. A network below the lowest line uses more than the two characters
# before. If the validation loss rises while the training loss falls, the model memorises its text.

# %%
from IPython.display import Image

Image(run.folder / "plots" / "learning_curve.png", width=640)

# %%
run

# %% [markdown]
# The same loss has three names. With $J$ nats per character, the perplexity is $e^J$, the number of
# equally likely characters that would be as hard to guess, and $J / \ln 2$ is the bits per character.

# %%
import math

nats = run.metrics["validation"]["nats_per_token"]
print(f"J = {nats:.4f} nats, e^J = {math.exp(nats):.3f}, J / ln 2 = {nats / math.log(2):.3f} bits")

# %% [markdown]
# ## It writes
#
# To write, draw a character from the distribution, append it, and repeat. A temperature $T$ divides
# the logits first. Below 1 the likely characters become likelier: the text is more correct and
# repeats itself. Above 1 it is more varied and has more errors.

# %%
import torch

start = run.tokenizer("The ", return_tensors="pt")
for temperature in (0.4, 0.8, 1.2):
    torch.manual_seed(1)
    tokens = run.model.generate(
        **start, do_sample=True, top_k=0, temperature=temperature, max_new_tokens=250
    )
    print(f"--- T = {temperature}\n{run.tokenizer.decode(tokens[0])}\n")

# %% [markdown]
# ## Temperature is for writing, not for scoring
#
# A published solution of this assignment divides the logits by 0.8 when it computes the perplexity
# too. That is the score of another distribution, and it does not compare with anybody's. Each row
# below is the validation text, and only $T = 1$ is the perplexity of the model.

# %%
Path("validation.txt").write_text(corpus.text("validation"), encoding="utf-8")
for temperature in (0.8, 1.0, 1.25):
    scored = hf_lmcourse.perplexity(run.folder, "validation.txt", temperature=temperature)
    print(f"T = {temperature:<5} perplexity {scored.rows[0]['perplexity']:.3f}")
