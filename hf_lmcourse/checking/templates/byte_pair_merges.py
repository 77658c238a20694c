"""Greedy merges of byte-pair encoding.

Repeat num_merges times, with the merge number i = 0, 1, ...:

    count every pair of neighbouring tokens
    choose the most frequent pair; of equally frequent ones the smallest (by first, then second)
    replace it by the new token vocabulary + i, from left to right

Pairs that overlap are counted one by one (the text 5 5 5 has the pair 5 5 twice), but of those that
overlap only the left one is replaced.

Check it with `lmcourse check FILE`. A file that imports NumPy and not torch gets NumPy arrays.
The results may be lists.
"""

from torch import Tensor


def byte_pair_merges(tokens: Tensor, vocabulary: int, num_merges: int) -> tuple[Tensor, Tensor]:
    """The merges, a pair of tokens each, and the text after them.

    Shape:
        tokens: (length,), integers below vocabulary; merges: (num_merges, 2), integers;
        tokens': (new length,), integers.
    """
    raise NotImplementedError
