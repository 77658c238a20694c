"""Without the causal mask a model learns to copy the next token, and cannot generate.

Let x_1 .. x_T be different tokens of a vocabulary of V, each given as its one-hot vector. A head
that knows the positions gives the next token the score beta and every other 0; its output times
gamma are the logits. If all positions are visible, as without the mask,

    a_{t+1} = w = e^beta / (e^beta + T - 1)         a_i = u = 1 / (e^beta + T - 1) for the others

    loss = log( e^(gamma w) + (T - 1) e^(gamma u) + V - T ) - gamma w     ->  0

for large beta and gamma: for any text, the next token is copied, not predicted. During generation
only x_1 .. x_t are available. The next token is not among them, all t scores are 0, a_i = 1/t, and
the target has the logit 0:

    loss = log( t e^(gamma / t) + V - t )     >=  log V          (e^x >= 1 + x)

more than the loss of a uniform distribution, and it grows with gamma. So the training loss without
the mask says nothing about the model; with the mask, position t is trained on exactly what is
visible during generation.

Where the mask is in the code: it is a lower triangular matrix of True, made by `tril()` in
`MultiHeadAttention.forward` of layers/attention.py and, for a Transformer of transformers, by
`attention_mask_for` in models/transformer/attention_masks.py. It is applied in one line of `attend`
in layers/attention.py, before the softmax:

    scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)

Source: Vaswani et al. 2017, Attention Is All You Need, section 3.2.3, masks "to prevent leftward
information flow"; the copying head is derived here.
"""

import math

import torch
from torch import Tensor


def copying_scores(length: int, beta: float) -> Tensor:
    """Return the scores of the copying head: beta if the key is one position after the query.

    The last query has no next token and gives every key the score 0.

    Shape:
        result: (length, length), queries by keys.
    """
    return beta * torch.diag(torch.ones(length - 1, dtype=torch.float64), 1)


def copying_weights(length: int, beta: float) -> tuple[float, float]:
    """Return the weights w of the next token and u of each other token."""
    others = length - 1
    return 1 / (1 + others * math.exp(-beta)), 1 / (math.exp(beta) + others)


def copying_loss(length: int, vocabulary: int, beta: float, gamma: float) -> float:
    """Return the loss of the copying head for a visible token, in nats."""
    w, u = copying_weights(length, beta)
    others = (length - 1) * math.exp(gamma * (u - w)) + (vocabulary - length) * math.exp(-gamma * w)
    return math.log1p(others)


def loss_without_a_future(seen: int, vocabulary: int, gamma: float) -> float:
    """Return the loss of the copying head after t seen tokens for one that is not, in nats."""
    return math.log(seen * math.exp(gamma / seen) + vocabulary - seen)
