"""Several texts packed into one row, as collators without padding make them."""

import torch
from torch import Tensor
from transformers.masking_utils import find_packed_sequence_indices


class PackedRows:
    """Rows of several texts each, as a batch with a row for each text and back.

    A state that goes from token to token would leak from one text into the next. With a row of its
    own each text begins without a state.

    Args:
        text: Which text of the batch each position belongs to, rising.

    Shape:
        text: (batch, length).
    """

    def __init__(self, text: Tensor) -> None:
        self._lengths = torch.bincount(text.flatten())  # (texts,)
        places = torch.arange(text.numel(), device=text.device).view_as(text)
        first = self._lengths.cumsum(0) - self._lengths  # of each text in the flattened batch
        self._where = text, places - first[text]

    @classmethod
    def of(cls, position_ids: Tensor | None, batch: int) -> "PackedRows | None":
        """The texts that positions tell apart: the next begins where they do not go on by 1.

        Returns:
            `None` if each row is one text.

        Shape:
            position_ids: (batch or 1, length).
        """
        found = None if position_ids is None else find_packed_sequence_indices(position_ids)
        if found is None:
            return None
        found = found.expand(batch, -1)
        before = (found[:, -1] + 1).cumsum(0) - found[:, -1] - 1  # texts in the rows above
        return cls(found + before.unsqueeze(-1))

    def unpack(self, x: Tensor) -> Tensor:
        """A row for each text, filled up with zeros on the right.

        Shape:
            x: (batch, length, ...); result: (texts, longest, ...).
        """
        rows = x.new_zeros(len(self._lengths), int(self._lengths.max()), *x.shape[2:])
        return rows.index_put(self._where, x)

    def pack(self, rows: Tensor) -> Tensor:
        """The inverse of `unpack`."""
        return rows[self._where]
