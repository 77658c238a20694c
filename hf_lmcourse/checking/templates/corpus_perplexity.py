"""Perplexity of a corpus from log-probabilities in any base.

With log_p the logarithms to the base b of the probabilities of the words of each text, of which the
first lengths[i] are words and the others padding, and M the number of words of all texts together:

    PP = b^(- 1/M sum over all words of log_b p)

It is one sum over all words, not a mean over the texts. Padding may have any value.

Check it with `lmcourse check FILE`. A file that imports NumPy and not torch gets NumPy arrays.
The result may be a tensor, an array or a number.
"""

from torch import Tensor


def corpus_perplexity(log_p: Tensor, lengths: Tensor, base: float) -> Tensor | float:
    """The perplexity PP of all texts together.

    Shape:
        log_p: (texts, length); lengths: (texts,), integers; PP: ().
    """
    raise NotImplementedError
