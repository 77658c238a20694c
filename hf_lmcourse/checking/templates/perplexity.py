"""Perplexity of padded texts.

A model gives logits for each position of each text, and targets holds the word that came there:
the logits at position t belong to the target at position t, nothing is to be shifted. Padding has
the target -100 and counts for nothing. With the M words of all texts together,

    p_m = softmax(logits at m)[target at m]        PP = exp(- 1/M sum over all m of log p_m)

It is one sum over all words, not a mean of the texts' figures. The logits can be large (1,000):
adding a number to all logits of a position changes nothing.

Check it with `lmcourse check FILE`. The result may be a tensor, an array or a number. A file that
imports NumPy and not torch is given NumPy arrays.
"""

from torch import Tensor


def perplexity(logits: Tensor, targets: Tensor) -> Tensor | float:
    """The perplexity PP of all texts together.

    Shape:
        logits: (texts, length, vocabulary); targets: (texts, length), integers; PP: ().
    """
    raise NotImplementedError
