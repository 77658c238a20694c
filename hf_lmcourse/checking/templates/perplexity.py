"""Perplexity of padded texts.

A model gives logits for each position of each text, and targets holds the word at that position:
the logits at position t belong to the target at position t, do not shift them. Padding has the
target -100 and does not count. With the M words of all texts together,

    p_m = softmax(logits at m)[target at m]        PP = exp(- 1/M sum over all m of log p_m)

It is one sum over all words, not a mean over the texts. The logits can be large (1,000):
adding a number to all logits of a position changes nothing.

Check it with `lmcourse check FILE`. The result may be a tensor, an array or a number. A file that
imports NumPy and not torch gets NumPy arrays.
"""

from torch import Tensor


def perplexity(logits: Tensor, targets: Tensor) -> Tensor | float:
    """The perplexity PP of all texts together.

    Shape:
        logits: (texts, length, vocabulary); targets: (texts, length), integers; PP: ().
    """
    raise NotImplementedError
