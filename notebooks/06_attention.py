# %% [markdown]
# # 6. Attention, seen and explained
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/hf-lmcourse/hf-lmcourse/blob/main/notebooks/06_attention.ipynb)
#
# The course asks what attention can do, why it has several heads, why the logits are divided by the
# root of the size, and why a language model needs a mask; and for maps of what a trained model attends
# to. Each question gets a derivation that runs, or a picture.

# %%
from importlib.util import find_spec

if find_spec("hf_lmcourse") is None:  # on Colab
    get_ipython().run_line_magic("pip", "install -q git+https://github.com/hf-lmcourse/hf-lmcourse")  # noqa: F821

# %% [markdown]
# ## Attention from its equation
#
# With a sequence $X$ (a row per position), and for each head $i$ of $h$ heads, of size $d/h$ each,
#
# $$Q_i, K_i, V_i = X W_i^Q, X W_i^K, X W_i^V \qquad
# Y_i = \mathrm{softmax}\!\left(\frac{Q_i K_i^\top}{\sqrt{d/h}}\right) V_i \qquad
# Y = [Y_1; \dots; Y_h]\, W^O$$
#
# Row $t$ of the softmax is a distribution over positions: how much position $t$ reads from each. A
# causal model sets the logits of later positions to $-\infty$, so they get weight zero.

# %%
import inspect
from pathlib import Path

import torch

from hf_lmcourse.checking import check_file
from hf_lmcourse.checking.report import report


def multi_head_attention(X, W_qkv, b_qkv, W_o, b_o, num_heads, causal):
    B, T, d = X.shape
    q, k, v = (
        part.view(B, T, num_heads, d // num_heads).transpose(
            1, 2
        )  # (B, num_heads, T, d / num_heads)
        for part in (X @ W_qkv.T + b_qkv).chunk(3, dim=-1)
    )
    logits = q @ k.transpose(2, 3) * (d // num_heads) ** -0.5
    if causal:
        logits = logits.masked_fill(torch.ones(T, T).triu(1) == 1, -torch.inf)
    return (logits.softmax(-1) @ v).transpose(1, 2).reshape(B, T, d) @ W_o.T + b_o


Path("mine.py").write_text("import torch\n\n" + inspect.getsource(multi_head_attention))
print(report(check_file("mine.py")))

# %% [markdown]
# ## What one query can do
#
# A query along one key copies its value; a query along the sum of two keys averages their values. How
# close it comes depends on the length $\beta$ of the query. The check compares the closed forms with
# a computation.

# %%
from hf_lmcourse.theory.items import run_check

run_check("attention")

# %% [markdown]
# ## Why several heads
#
# If the length of a key varies, a single query for two values swings: the softmax is exponential in
# the length, so sometimes one value gets all of the weight and sometimes the other. Two heads with a
# query each keep the average, because each head looks at one key only.
#
# Left: how the weight of the first value is distributed over many draws of the keys. The target is
# one half. Right: the variance of the output against the length of the query.

# %%
from IPython.display import Image

from hf_lmcourse.theory.plots import plot_attention_scaling, plot_noisy_keys

plot_noisy_keys(Path("noisy_keys.png"))
Image("noisy_keys.png", width=820)

# %% [markdown]
# ## Why divide by $\sqrt d$
#
# The product of two random vectors of size $d$ has the variance $d$. With large logits the softmax is
# close to a one-hot vector: the entropy falls, and so does the gradient, which is zero for a one-hot
# softmax. Divided by $\sqrt d$, the variance is 1 for every size.

# %%
plot_attention_scaling(Path("scaling.png"))
Image("scaling.png", width=820)

# %% [markdown]
# ## A small Transformer
#
# It has two layers of four heads and reads characters: tiny Shakespeare if `LMCOURSE_DATA` names a
# folder that has it, and Python's help if not.

# %%
import os

import hf_lmcourse

folder = Path(os.environ.get("LMCOURSE_DATA", os.devnull))
name = "tiny_shakespeare" if (folder / "tiny_shakespeare").is_dir() else "cpython-docs"
Path("transformer.yaml").write_text("""
model: {model_type: lmcourse_transformer, num_hidden_layers: 2, num_attention_heads: 4,
        hidden_size: 64, max_position_embeddings: 48, position_embedding_type: rotary}
data: {tokenizer: character, block_length: 48, random_offset: true}
training: {max_steps: 350, per_device_train_batch_size: 16, learning_rate: 5e-3, adam_beta2: 0.99,
           lr_scheduler_type: cosine, warmup_steps: 30, eval_strategy: "no", save_strategy: "no"}
""")
run = hf_lmcourse.train("transformer.yaml", corpus=name)
run

# %% [markdown]
# ## What the heads look at
#
# A row is a query, a column a key. The upper triangle is empty because of the mask. A diagonal just
# below the main one is a head that reads the previous character; a vertical line is a character
# that many later ones read.

# %%
from hf_lmcourse.inspection.attention_heads import attention_maps, head_statistics
from hf_lmcourse.inspection.attention_plots import plot_heads

maps = attention_maps(run.model, run.tokenizer, "the state of the class and the state")
plot_heads(maps.weights[1], maps.tokens, "heads.png", "Heads of the second layer")
Image("heads.png", width=680)

# %% [markdown]
# One text may mislead. The table is a mean over the validation text: the share of the weight on the
# position itself, on the one before, on earlier occurrences of the same character, and on spaces and
# punctuation; and the entropy. `uniform` is a head that attends to everything equally.

# %%
from hf_lmcourse.data import encode_text

text = hf_lmcourse.load_corpus(name).text("validation")[:10_000]
for head in head_statistics(run.model, run.tokenizer, encode_text(text, run.tokenizer)):
    print(
        f"{head.head:>8}: itself {head.itself:4.0%}, previous {head.previous:4.0%}, same character "
        f"{head.same_token:4.0%}, punctuation {head.delimiter:4.0%}, {head.entropy:.2f} bits"
    )

# %% [markdown]
# ## Why the mask
#
# Without it a model sees the character that it has to predict. Trained like that, the same recipe
# gets a loss near zero, and the perplexity says nothing: it copies. When it writes, there is no next
# character to copy, and what it writes is worth nothing.

# %%
blind = hf_lmcourse.train("transformer.yaml", corpus=name, is_causal=False, output_dir="runs/blind")
for label, trained in (("with the mask", run), ("without", blind)):
    perplexity = trained.metrics["validation"]["perplexity"]
    print(f"--- {label}: perplexity {perplexity:.2f}, and it writes {trained.sample[:150]!r}\n")
