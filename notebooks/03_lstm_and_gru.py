# %% [markdown]
# # 3. LSTM and GRU from their equations
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/hf-lmcourse/hf-lmcourse/blob/main/notebooks/03_lstm_and_gru.ipynb)
#
# The course allows no library block for the LSTM: only its equations. Here both cells are written from
# their equations, checked, and trained as language models with the training loop of the package.

# %%
from importlib.util import find_spec

if find_spec("hf_lmcourse") is None:  # on Colab
    get_ipython().run_line_magic("pip", "install -q git+https://github.com/hf-lmcourse/hf-lmcourse")  # noqa: F821

# %% [markdown]
# ## The equations
#
# Both cells read a vector $x$ and the state from the step before; $*$ is entry by entry.
#
# The LSTM keeps two vectors, the hidden vector $h$ and the cell $c$. With
# $a = W x + U h + b$, split into $a_i, a_f, a_g, a_o$:
#
# $$i, f, o = \sigma(a_i), \sigma(a_f), \sigma(a_o) \qquad g = \tanh(a_g) \qquad
# c' = f * c + i * g \qquad h' = o * \tanh(c')$$
#
# The GRU keeps $h$ alone, and has a reset gate $r$ and an update gate $z$:
#
# $$r, z = \sigma(W_{rz} x + b_{rz} + U_{rz} h + b_{h,rz}) \qquad
# n = \tanh(W_n x + b_n + r * (U_n h + b_{h,n})) \qquad h' = (1 - z) * n + z * h$$
#
# In both, the new state is a mixture of the old one and something new. The gates choose the mixture,
# so a gradient can pass through many steps where $f$ or $z$ is close to one.

# %%
import torch


def lstm_step(x, h, c, W, U, b):
    i, f, g, o = (x @ W.T + h @ U.T + b).chunk(4, dim=1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def gru_step(x, h, W, U, b, b_h):
    a_r, a_z, a_n = (x @ W.T + b).chunk(3, dim=1)
    u_r, u_z, u_n = (h @ U.T + b_h).chunk(3, dim=1)
    r, z = (a_r + u_r).sigmoid(), (a_z + u_z).sigmoid()
    n = (a_n + r * u_n).tanh()
    return (1 - z) * n + z * h


# %% [markdown]
# ## Are they right?
#
# The checker runs both on twelve random cases and compares values and gradients in double precision
# with the package. Your own code can be checked in the same way: `lmcourse check --template lstm_step`
# prints an empty function to fill in.

# %%
import inspect
from pathlib import Path

from hf_lmcourse.checking import check_file
from hf_lmcourse.checking.report import report

source = inspect.getsource(lstm_step) + "\n\n" + inspect.getsource(gru_step)
Path("mine.py").write_text("import torch\n\n\n" + source)
print(report(check_file("mine.py")))

# %% [markdown]
# A network with a wrong cell often still trains, only worse, so the mistake goes unnoticed. The
# checker knows the common ones. Here is ours with two gates exchanged.

# %%
Path("wrong.py").write_text("import torch\n" + source.replace("i, f, g, o =", "f, i, g, o ="))
print(report(check_file("wrong.py", "lstm_step")))

# %% [markdown]
# ## A language model around each cell
#
# The model embeds a character, makes one step, and predicts the next character from $h$. Its `forward`
# gets the state after the block before and returns the state after this one; this is all that
# `ModuleForCausalLM` needs to make it a model of transformers.


# %%
class MyModel(torch.nn.Module):
    def __init__(self, step, biases, n, rows, characters):
        super().__init__()
        self.step, self.embedding = step, torch.nn.Embedding(characters, n)
        shapes = [(rows, n), (rows, n), *[(rows,)] * biases]  # W, U, and the biases
        self.weights = torch.nn.ParameterList(torch.empty(s).uniform_(-0.1, 0.1) for s in shapes)
        self.output = torch.nn.Linear(n, characters)

    def forward(self, input_ids, state):
        x, hidden = self.embedding(input_ids), []  # (batch, length, n)
        state = (torch.zeros_like(x[:, 0]),) * 2 if state is None else state
        for t in range(x.shape[1]):
            state = self.step(x[:, t], *state, *self.weights)
            hidden.append(state[0])
        return self.output(torch.stack(hidden, dim=1)), state


# %% [markdown]
# ## Training with the loop of the package
#
# `ContiguousStreams` cuts a text into 8 parallel streams, and each stream into blocks of 32 characters.
# `StreamTrainer`, a `Trainer` of transformers, carries the state of a stream from block to block: this
# is truncated backpropagation through time. A part of Python's own help is enough to see that both
# learn; `load_corpus("tiny_shakespeare")` has the text of the course, if `LMCOURSE_DATA` names a folder
# that has it. The GRU passes on a cell that it does not use.

# %%
from hf_lmcourse import CharacterTokenizer, RunArguments, StreamTrainer, load_corpus
from hf_lmcourse.data import ContiguousStreams, encode_text
from hf_lmcourse.models.module_causal_lm import ModuleConfig, ModuleForCausalLM

corpus = load_corpus("cpython-docs")
tokenizer = CharacterTokenizer.train(corpus.text("train"))
train, validation = (
    ContiguousStreams(encode_text(corpus.text(s)[:30_000], tokenizer), 8, 32) for s in corpus.splits
)
torch.manual_seed(0)
n, k = 96, len(tokenizer)
modules = {
    "LSTM": MyModel(lstm_step, 1, n, 4 * n, k),
    "GRU": MyModel(lambda x, h, c, *weights: (gru_step(x, h, *weights), c), 2, n, 3 * n, k),
}
arguments = RunArguments(
    "runs/mine", learning_rate=1e-2, num_train_epochs=1, save_strategy="no",
    dataloader_pin_memory=False,  # which is for a GPU
)  # fmt: skip
for name, module in modules.items():
    model = ModuleForCausalLM(ModuleConfig(vocab_size=k), module)
    print(f"my {name}, on a text of {k} different characters:")
    StreamTrainer(model, arguments, train_dataset=train, eval_dataset=validation).train()

# %% [markdown]
# A model that knows nothing has a perplexity near the number of characters; in one short pass over a
# small text, both have come far from it. Notebook 2 trains the GRU of the package, which has the same
# equations and a backward pass written by hand, and is faster.
