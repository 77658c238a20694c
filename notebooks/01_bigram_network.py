# %% [markdown]
# # 1. A bigram network and its gradients
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/hf-lmcourse/hf-lmcourse/blob/main/notebooks/01_bigram_network.ipynb)
#
# The first assignment predicts each word from the word before it, with one hidden layer, and asks for
# the gradients by hand. Here they are derived, written, checked in three ways, and used for training.

# %%
from importlib.util import find_spec

if find_spec("hf_lmcourse") is None:  # on Colab
    get_ipython().run_line_magic("pip", "install -q git+https://github.com/hf-lmcourse/hf-lmcourse")  # noqa: F821

# %% [markdown]
# ## The network and its gradients
#
# With $x$ the vector of the previous word (a row) and $y$ the one-hot vector of the next word,
#
# $$h = \sigma(x W_1 + b_1) \qquad \hat y = \mathrm{softmax}(h W_2 + b_2) \qquad
# J = -\frac{1}{N} \sum_n \sum_k y_{nk} \ln \hat y_{nk}$$
#
# The gradient of cross-entropy with respect to the logits is $\hat y - y$. The chain rule gives the
# rest: through a matrix, multiply by its transpose; through the sigmoid, by $h (1 - h)$.
#
# $$\delta_2 = \frac{\hat y - y}{N} \qquad \delta_1 = \delta_2 W_2^\top * h * (1 - h)$$
#
# $$\frac{\partial J}{\partial W_2} = h^\top \delta_2 \qquad
# \frac{\partial J}{\partial W_1} = x^\top \delta_1 \qquad
# \frac{\partial J}{\partial x} = \delta_1 W_1^\top$$
#
# The gradient of a bias is the sum of its $\delta$ over the rows.

# %%
import torch


def one_hidden_layer(x, y, W1, b1, W2, b2):
    h = torch.sigmoid(x @ W1 + b1)
    log_yhat = torch.log_softmax(h @ W2 + b2, dim=1)
    loss = -(y * log_yhat).sum() / len(x)
    delta2 = (log_yhat.exp() - y) / len(x)
    delta1 = (delta2 @ W2.T) * h * (1 - h)
    return loss, delta1 @ W1.T, x.T @ delta1, delta1.sum(0), h.T @ delta2, delta2.sum(0)


# %% [markdown]
# ## First check: finite differences
#
# A derivative is the limit of $(J(w + \varepsilon) - J(w - \varepsilon)) / 2\varepsilon$. In double
# precision, with $\varepsilon = 10^{-5}$, the quotient has about ten correct digits. The checked entry
# of each array is the first one.

# %%
torch.manual_seed(0)
shapes = {"x": (5, 4), "W1": (4, 3), "b1": (3,), "W2": (3, 7), "b2": (7,)}
arrays = {name: torch.randn(shape, dtype=torch.float64) for name, shape in shapes.items()}
y = torch.eye(7, dtype=torch.float64)[torch.randint(7, (5,))]
_, *gradients = one_hidden_layer(y=y, **arrays)
for (name, array), gradient in zip(arrays.items(), gradients, strict=True):
    step = torch.zeros_like(array).flatten()
    step[0] = 1e-5
    step = step.view_as(array)
    above = one_hidden_layer(y=y, **arrays | {name: array + step})[0]
    below = one_hidden_layer(y=y, **arrays | {name: array - step})[0]
    slope, by_hand = (above - below) / 2e-5, gradient.flatten()[0]
    print(f"dJ/d{name}: {by_hand:+.10f} by hand, {slope:+.10f} by differences")

# %% [markdown]
# ## Second check: the checker
#
# `lmcourse check` runs a file on twelve random cases and compares every value with autograd. If
# something differs, it looks for the mistake that explains the numbers. Here it gets our function,
# and then the same with the sigmoid's derivative left out.

# %%
import inspect
from pathlib import Path

from hf_lmcourse.checking import check_file
from hf_lmcourse.checking.report import report

source = "import torch\n\n\n" + inspect.getsource(one_hidden_layer)
Path("mine.py").write_text(source)
print(report(check_file("mine.py")))
Path("wrong.py").write_text(source.replace(" * h * (1 - h)", ""))
print("\n" + report(check_file("wrong.py")))

# %% [markdown]
# ## Third check: the whole derivation
#
# The package has each written question of the course as code, with a check against autograd.

# %%
from hf_lmcourse.theory.items import run_check

print(run_check("one_hidden_layer"))

# %% [markdown]
# ## Training with the gradients
#
# `bigrams_by_hand` is the assignment: stochastic gradient descent on pairs of words drawn at random,
# with the gradients above and without autograd. A bigram network sees a text only through the counts
# of its pairs, so `bigram_counts` can compute the exact gradient of the whole text at each step.
# The words are the 1,000 most frequent; numbers become digit patterns, all else is `UUUNKKK`. The
# text is the Penn Treebank if `LMCOURSE_DATA` names a folder that has it, and Python's help if not.

# %%
import os

import hf_lmcourse

folder = Path(os.environ.get("LMCOURSE_DATA", os.devnull))
recipe = Path("bigram.yaml")
recipe.write_text("""
model: {model_type: lmcourse_bigram_mlp, embedding_size: 50, hidden_size: 50}
data: {tokenizer: digit_pattern, max_vocabulary: 1003}
training: {eval_strategy: "no", save_strategy: "no", max_grad_norm: 0, sample_length: 30,
           sample_prompt: "the "}
""")
corpus = "ptb" if (folder / "ptb").is_dir() else "cpython-docs"
by_hand = hf_lmcourse.train(
    recipe, corpus=corpus, output_dir="runs/by_hand", batches="bigrams_by_hand", max_steps=1000,
    per_device_train_batch_size=50, optim="sgd", learning_rate=1.0, logging_steps=250,
)  # fmt: skip
exact = hf_lmcourse.train(
    recipe, corpus=corpus, output_dir="runs/exact", batches="bigram_counts", max_steps=60,
    learning_rate=0.1, weight_decay=0.1, logging_steps=20,
)  # fmt: skip

# %% [markdown]
# ## What came out
#
# The table has the score of the network and of models that only count. The unigram model ignores the
# previous word; the bigram model has the same information as the network, so it shows how much of it
# the network uses. The perplexity is $e^J$: the number of equally likely words that would be as
# hard to guess. It compares only with perplexities over the same words.

# %%
print("stochastic, by hand:", by_hand, sep="\n", end="\n\n")
print("exact gradient:", exact, exact.sample, sep="\n")

# %% [markdown]
# ## Forwards or backwards?
#
# The course also asks whether a bigram model that reads a sentence backwards gives it another
# probability. It does not: $p(a, b) = p(a)\,p(b \mid a) = p(b)\,p(a \mid b)$, and along a sentence the
# factors in the middle cancel. Here is the check on numbers.

# %%
run_check("bigram_factorisation")
