"""Contiguous streams whose blocks have random lengths."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import numpy as np
from torch import Tensor

from ..errors import LmcourseError
from .streams import ContiguousStreams

_HALF_PROBABILITY = 0.05
_DEVIATION = 5.0
_SHORTEST = 5.0
"""The constants of Merity et al. 2018 and its published code."""


class RandomBlockStreams(ContiguousStreams):
    """Streams cut into blocks of random lengths, so that the cuts of backpropagation move.

    With L the base length, K lengths are drawn again at each epoch:

        l ~ max(5, Normal(m, 5)),    m = L with probability 0.95, else L / 2

    All streams are cut at the same positions. In the paper lengths are drawn until the text is used
    up; here K is fixed, streams by mean length, and the lengths are stretched by a common factor
    near one that makes them fill the streams. So an epoch always has the same number of steps, and
    every token is still predicted exactly once. The lengths depend on the seed and the epoch alone.

    A short block makes a noisier gradient: `StreamTrainer` multiplies the learning rate of each
    step by the length of its block over L.

    Args:
        *args: As for `ContiguousStreams`; `block_length` is L.
        **kwargs: As for `ContiguousStreams`.

    Raises:
        LmcourseError: As for `ContiguousStreams`, or L is below 10.

    Shape:
        item: `input_ids`, `labels`, `shift_labels`: (length of its block,), int64.

    Reference:
        Merity, Keskar and Socher 2018, Regularizing and Optimizing LSTM Language Models, 5.1.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.block_length < 2 * _SHORTEST:
            raise LmcourseError(
                f"blocks of random length need a block_length of at least {2 * _SHORTEST:g}, not "
                f"{self.block_length}"
            )
        self._longest_stream = self._shortest_stream + (self._longer_streams > 0)
        mean = self.block_length * (1 - _HALF_PROBABILITY / 2)
        self.num_blocks = max(1, round(self._longest_stream / mean))
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Draw this epoch's lengths, and its offset if offsets are random."""
        super().set_epoch(epoch)
        rng = np.random.default_rng([self.seed, epoch, 1])
        half = rng.random(self.num_blocks) < _HALF_PROBABILITY
        means = np.where(half, self.block_length / 2, self.block_length)
        ends = np.maximum(_SHORTEST, rng.normal(means, _DEVIATION)).cumsum()
        self.borders = np.rint(np.insert(ends, 0, 0) / ends[-1] * self._longest_stream).astype(int)

    def __getitems__(self, indices: Sequence[int]) -> list[dict[str, Tensor]]:
        """Several items at once, as DataLoader asks for them: all of one block."""
        self.check_indices(indices)
        items = []
        for block, group in groupby(indices, key=lambda index: index // self.num_streams):
            stream = np.asarray(list(group), np.int64)[:, None] % self.num_streams
            within = np.arange(*self.borders[block : block + 2])[None]
            items += self.stream_items(stream, within)
        return items
