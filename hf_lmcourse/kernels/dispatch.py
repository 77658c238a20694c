"""What the compiled sequences of gated recurrences share: see recurrence.h."""

from collections.abc import Callable

from torch import Tensor

from .build import kernel_function

__all__ = ["can_compile", "sequence_function"]

_LEAST_STEPS = 8
"""A kernel arranges U before the first step, which a few steps do not make up for."""


def can_compile(cell: str, projected: Tensor, h: Tensor) -> bool:
    """Whether there is a kernel for a sequence, and it is long enough.

    Args:
        cell: as in `sequence_function`.
        projected: the input products of all time steps.
        h: the state before the first of them.

    Shape:
        projected: (length, batch, gates * hidden_size); h: (batch, hidden_size).
    """
    length, batch, _ = projected.shape
    long_enough = batch > 0 and length >= _LEAST_STEPS
    return long_enough and sequence_function(cell, "forward", projected, h.shape[1]) is not None


def sequence_function(
    cell: str, way: str, numbers: Tensor, hidden_size: int
) -> Callable[..., None] | None:
    """A function of the kernel of a cell; see `kernel_function`.

    Args:
        cell: lstm or gru.
        way: forward or backward.
        numbers: what is to be multiplied.
        hidden_size: H.
    """
    return kernel_function(f"{cell}_kernel", f"{cell}_{way}", numbers, hidden_size)
