"""Beam search in a bigram model.

With log_first[w] the log-probability of w as the first word, log_next[v, w] that of w after v, and

    log p(text) = log_first[w_1] + log_next[w_1, w_2] + ... + log_next[w_{T-1}, w_T]

keep the num_beams best texts of one word; then, T - 1 times, extend each text that is kept by every
word, and keep the num_beams best of all of these (all of them if there are fewer). Return the best
of the texts that are kept at the end. No text ends early, and lengths are not penalised.

Check it with `lmcourse check FILE`. A file that imports NumPy and not torch gets NumPy arrays.
"""

from torch import Tensor


def beam_search(
    log_first: Tensor, log_next: Tensor, length: int, num_beams: int
) -> tuple[Tensor, Tensor | float]:
    """The best text's tokens, and its score log p(text).

    Shape:
        log_first: (words,); log_next: (words, words); tokens: (length,), integers; score: ().
    """
    raise NotImplementedError
