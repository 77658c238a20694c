"""A text as bigrams: one pair of words per example, or all of it as counts."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from ..errors import LmcourseError
from ..kernels.bigram_gradients import BigramCounts


class Bigrams(Dataset):
    """Every pair of neighbours in a text, as sequences of one token and the label after it.

    Labels are shifted already, under both names, as in `PredictedTokens`.

    Args:
        tokens: The text as token ids.
        first_context: See `PredictedTokens`.
        context_only: See `PredictedTokens`; pairs that end in it are left out.

    Raises:
        LmcourseError: The text has no pair.

    Shape:
        item: `input_ids`, `labels`, `shift_labels`: (1,), int64.
    """

    def __init__(
        self,
        tokens: NDArray[np.integer],
        first_context: int | None = None,
        context_only: int | None = None,
    ) -> None:
        text = torch.from_numpy(np.asarray(tokens).astype(np.int64))
        if first_context is not None:
            text = torch.cat([text.new_tensor([first_context]), text])
        contexts, targets = text[:-1], text[1:]
        if context_only is not None:
            predicted = targets != context_only
            contexts, targets = contexts[predicted], targets[predicted]
        if not len(targets):
            raise LmcourseError(f"a text of {len(tokens)} tokens has no bigram: give more text")
        self.contexts, self.targets = contexts, targets

    @property
    def contents(self) -> tuple[NDArray[np.integer], ...]:
        """What is read: see `dataset_hash`."""
        return self.contexts.numpy(), self.targets.numpy()

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[dict[str, Tensor]]:
        """Several items at once, as DataLoader asks for them."""
        inputs, labels = (
            side[list(indices)].unsqueeze(1) for side in (self.contexts, self.targets)
        )
        return [
            {"input_ids": row, "labels": label, "shift_labels": label}
            for row, label in zip(inputs, labels, strict=True)
        ]


class BigramCountsOfText(Dataset):
    """A whole text as one example: the counts of its bigrams.

    Args:
        bigrams: The pairs of the text.

    Shape:
        item: `input_ids`, the distinct words that something follows: (distinct words,).
    """

    def __init__(self, bigrams: Bigrams) -> None:
        self.bigrams = bigrams

    @property
    def contents(self) -> tuple[NDArray[np.integer], ...]:
        """What is read: see `dataset_hash`."""
        return self.bigrams.contents

    @cached_property
    def counts(self) -> BigramCounts:
        """How often each pair occurs; counted when it is first asked for."""
        return BigramCounts.of(self.bigrams.contexts, self.bigrams.targets)

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        if index != 0:
            raise IndexError("the whole text is one example")
        return {"input_ids": self.counts.previous}
