"""Without the causal mask a model copies the answer, learns nothing else, and cannot generate.

Let T different tokens x_1 .. x_T stand in a window, each as its one-hot vector, in a vocabulary of
V. One head that knows the positions scores the next token beta and every other 0; its output,
times gamma, are the logits. Where all positions are in sight, as without the mask,

    a_{t+1} = w = e^beta / (e^beta + T - 1)         a_i = u = 1 / (e^beta + T - 1) for the others

    loss = log( e^(gamma w) + (T - 1) e^(gamma u) + V - T ) - gamma w     ->  0

for large beta and gamma: whatever the text is, its next token is read off, not predicted. Whoever
generates has x_1 .. x_t alone. The token that the head looks for is not there, its t scores are all
0, a_i = 1/t, and the target has the logit 0:

    loss = log( t e^(gamma / t) + V - t )     >=  log V          (e^x >= 1 + x)

more than that of a model that knows nothing; and the surer the copying, gamma, the more. So the
training loss without the mask says nothing of the model; with it, position t is trained on exactly
what it will see when it generates.

Source: Vaswani et al. 2017, Attention Is All You Need, section 3.2.3, masks "to prevent leftward
information flow"; the copying head is worked out here.
"""

import math

import torch
from torch import Tensor

__all__ = ["copying_loss", "copying_scores", "copying_weights", "loss_without_a_future"]


def copying_scores(length: int, beta: float) -> Tensor:
    """The scores of the copying head: beta where the key is one position after the query.

    The last query has no next token in the window and scores every key 0.

    Shape:
        result: (queries, keys), both of them `length`.
    """
    return beta * torch.diag(torch.ones(length - 1, dtype=torch.float64), 1)


def copying_weights(length: int, beta: float) -> tuple[float, float]:
    """The weights w of the next token and u of each other one.

    Args:
        length: T.
        beta: the score of the next token.
    """
    others = length - 1
    return 1 / (1 + others * math.exp(-beta)), 1 / (math.exp(beta) + others)


def copying_loss(length: int, vocabulary: int, beta: float, gamma: float) -> float:
    """What the copying head pays for a token that it sees, in nats.

    Args:
        length: T, all of them different tokens.
        vocabulary: V.
        beta: the score of the next token.
        gamma: what the output is multiplied by.
    """
    w, u = copying_weights(length, beta)
    others = (length - 1) * math.exp(gamma * (u - w)) + (vocabulary - length) * math.exp(-gamma * w)
    return math.log1p(others)


def loss_without_a_future(seen: int, vocabulary: int, gamma: float) -> float:
    """What the copying head pays for a token that it does not see, in nats.

    Args:
        seen: t, the number of tokens before it, all different from it and from each other.
        vocabulary: V.
        gamma: what the output is multiplied by.
    """
    return math.log(seen * math.exp(gamma / seen) + vocabulary - seen)
