"""The tokens of a corpus as inputs and shifted labels, however they are cut."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from ..kernels.softmax_loss import IGNORED
from .streamed_tokens import StreamedTokens


class PredictedTokens(Dataset):
    """Base of `ContiguousStreams` and `TokenWindows`: data that is read in its own order.

    Tokens that follow another one are numbered from 0. Labels are shifted here: `labels[t]` is the
    token *after* `input_ids[t]`, also across the border of two blocks. An item has them under two
    names. As `shift_labels` the models and Trainer's count of predicted tokens take them as they
    are; `labels` alone would be shifted once more. But Trainer counts and evaluates only if
    there are `labels`.

    Args:
        tokens: The corpus as token ids; `StreamedTokens` for one that is not on this disk as such.
        first_context: The token before the first one, usually a line end; without it the first
            token of the corpus is context only and is not predicted.
        context_only: A token that is read and never predicted, such as BOS; -100 is its label.

    Attributes:
        num_positions: How many tokens follow another one.
        num_predicted: How many of them are predicted in one pass: the labels that are not -100.
    """

    def __init__(
        self,
        tokens: NDArray[np.integer] | StreamedTokens,
        first_context: int | None,
        context_only: int | None,
    ) -> None:
        self.tokens = tokens if isinstance(tokens, StreamedTokens) else np.asarray(tokens)
        self.first_context = first_context
        self.context_only = context_only
        first = int(first_context is None)
        self.num_positions = len(self.tokens) - first
        never = 0 if context_only is None else _count(self.tokens, first, context_only)
        self.num_predicted = self.num_positions - never

    @property
    def contents(self) -> tuple[NDArray[np.integer], ...]:
        """What is read, however it is cut: see `dataset_hash`."""
        return self.tokens.contents if isinstance(self.tokens, StreamedTokens) else (self.tokens,)

    def __len__(self) -> int:
        raise NotImplementedError

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[dict[str, Tensor]]:
        """Several items at once, as DataLoader asks for them."""
        raise NotImplementedError

    def check_indices(self, indices: Sequence[int]) -> None:
        """Raise an IndexError if an item does not exist."""
        if indices and not 0 <= min(indices) <= max(indices) < len(self):
            raise IndexError(f"no item {indices} among {len(self)}")

    def items(
        self, positions: NDArray[np.int64], predicted: NDArray[np.bool_]
    ) -> list[dict[str, Tensor]]:
        """One item per row.

        Args:
            positions: Numbers of tokens.
            predicted: Which of them have a label.

        Shape:
            positions, predicted: (items, length).
        """
        inputs = torch.from_numpy(self._contexts(positions))  # the first token that is read
        targets = self._targets(positions)
        if self.context_only is not None:
            predicted = predicted & (targets != self.context_only)
        labels = torch.from_numpy(np.where(predicted, targets, IGNORED))
        return [
            {"input_ids": row, "labels": label, "shift_labels": label}
            for row, label in zip(inputs, labels, strict=True)
        ]

    def _targets(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        return self.tokens[positions + (self.first_context is None)].astype(np.int64)

    def _contexts(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """The tokens right before them."""
        if self.first_context is None:
            return self.tokens[positions].astype(np.int64)
        before = self.tokens[np.maximum(positions - 1, 0)].astype(np.int64)
        return np.where(positions == 0, self.first_context, before)


def _count(tokens: NDArray[np.integer] | StreamedTokens, first: int, token: int) -> int:
    """How often a token occurs from the first position on, which is 0 or 1."""
    if isinstance(tokens, StreamedTokens):
        before = bool(first) and tokens[np.zeros((1, 1), np.int64)].item() == token
        return tokens.occurrences(token) - int(before)
    return int(np.count_nonzero(tokens[first:] == token))
