"""Random words, for where no corpus is needed or at hand."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["zipf_tokens"]


def zipf_tokens(count: int, vocabulary: int, seed: int = 0) -> NDArray[np.int32]:
    """Random words: word j with a probability in proportion to 1 / (j + 1), as Zipf's law has it.

    Shape:
        result: (count,).
    """
    shares = np.cumsum(1 / np.arange(1, vocabulary + 1))
    draws = np.random.default_rng(seed).random(count) * shares[-1]
    return np.searchsorted(shares, draws).astype(np.int32)
