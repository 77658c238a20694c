"""Windows of a text for models with a longest context that carry no state."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..errors import LmcourseError
from .predicted_tokens import PredictedTokens


class TokenWindows(PredictedTokens):
    """A corpus cut into windows, each token predicted in exactly one of them.

    The first window predicts all of its `window` tokens, every other one its last `stride`; the
    tokens before these are context, seen already and with labels of -100. A stride as long as the
    window cuts the text into pieces (training); a shorter one gives every token but the first few
    at least window - stride tokens of context (evaluation), at window / stride times the cost.

    Labels are shifted, under both names, as in `ContiguousStreams`.

    Args:
        tokens: The corpus as token ids.
        window: Tokens that the model looks at.
        stride: Tokens that a window predicts; the whole window by default.
        rows: Items of a batch over all processes. Windows that predict nothing fill up the last
            batch, so that no process gets a window twice.
        first_context: See `PredictedTokens`.
        shuffle: Another order at each epoch; see `set_epoch`.
        random_offset: As for `ContiguousStreams`.
        seed: Of the order and the offsets.
        context_only: See `PredictedTokens`.

    Raises:
        LmcourseError: No token to predict, or sizes below one, or a stride beyond the window.

    Shape:
        item: `input_ids`, `labels`, `shift_labels`: (window,), int64.

    Reference:
        Baevski and Auli 2019, Adaptive Input Representations (evaluation with a context window).
    """

    def __init__(
        self,
        tokens: NDArray[np.integer],
        window: int,
        stride: int | None = None,
        rows: int = 1,
        first_context: int | None = None,
        shuffle: bool = False,
        random_offset: bool = False,
        seed: int = 0,
        context_only: int | None = None,
    ) -> None:
        super().__init__(tokens, first_context, context_only)
        self.window = window
        self.stride = window if stride is None else stride
        self.shuffle = shuffle
        self.random_offset = random_offset
        self.seed = seed
        if not 1 <= self.stride <= window or rows < 1:
            raise LmcourseError(
                f"windows of {window} tokens with a stride of {self.stride} in batches of {rows}: "
                "the stride must be at least 1 and at most the window"
            )
        if self.num_positions < 1:
            raise LmcourseError("the text has no token to predict: give more text")
        windows = 1 + -(-max(0, self.num_positions - window) // self.stride)
        self.num_windows = -(-windows // rows) * rows
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Draw this epoch's order and offset from the seed and the epoch alone.

        The data loaders of accelerate, and so Trainer, call this at the start of each epoch.
        """
        rng = np.random.default_rng([self.seed, epoch])
        self.offset = int(rng.integers(self.num_positions)) if self.random_offset else 0
        numbers = np.arange(self.num_windows)
        self.order = rng.permutation(numbers) if self.shuffle else numbers

    def __len__(self) -> int:
        return self.num_windows

    def __getitems__(self, indices: Sequence[int]) -> list[dict[str, Tensor]]:
        """Several items at once, as DataLoader asks for them."""
        self.check_indices(indices)
        number = self.order[np.asarray(indices, np.int64)][:, None]
        within = np.arange(self.window)
        positions = number * self.stride + within
        predicted = (number == 0) | (within >= self.window - self.stride)
        inside = predicted & (positions < self.num_positions)
        return self.items((positions + self.offset) % self.num_positions, inside)
