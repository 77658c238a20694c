"""What a check returns: numbers beside what they must agree with, and tables of measurements."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

__all__ = ["Outcome", "Row", "Table", "below", "same", "simulated"]


@dataclass(frozen=True)
class Row:
    """One quantity by its closed form and by another way.

    Attributes:
        quantity: what is compared.
        ours: its value by the closed form; of a tensor, the Euclidean norm.
        reference: its value by the other way; of a tensor, the Euclidean norm.
        difference: the largest absolute difference; how far `ours` lies above a bound.
        allowed: the largest difference that passes.
    """

    quantity: str
    ours: float
    reference: float
    difference: float
    allowed: float

    @property
    def ok(self) -> bool:
        """Whether the difference is allowed; one that is not a number never is."""
        return self.difference <= self.allowed


@dataclass(frozen=True)
class Table:
    """Measured numbers that nothing is compared with."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str | float, ...]]


@dataclass(frozen=True)
class Outcome:
    """All that one check found."""

    rows: Sequence[Row]
    tables: Sequence[Table] = field(default_factory=tuple)

    @property
    def ok(self) -> bool:
        """Whether every row passes, and there is one."""
        return bool(self.rows) and all(row.ok for row in self.rows)


def same(
    quantity: str, ours: Tensor | float, reference: Tensor | float, allowed: float = 1e-10
) -> Row:
    """A row of two values that must be equal to within `allowed`, in every entry.

    Tensors of different shapes are infinitely far apart: no broadcasting hides a mistake.
    """
    a, b = (torch.as_tensor(value, dtype=torch.float64) for value in (ours, reference))
    difference = (a - b).abs().max().item() if a.shape == b.shape else float("inf")
    if a.shape:
        quantity += f" {tuple(a.shape)}"
        a, b = a.norm(), b.norm()
    return Row(quantity, a.item(), b.item(), difference, allowed)


def simulated(quantity: str, ours: float, samples: Tensor, standard_errors: float = 5) -> Row:
    """A row of an expectation by its closed form and the mean of independent samples.

    Args:
        quantity: what is compared.
        ours: the closed form.
        samples: the simulated values, whose mean is the reference.
        standard_errors: so many standard errors of that mean are allowed.

    Shape:
        samples: (draws,).
    """
    reference = samples.mean().item()
    allowed = standard_errors * samples.std().item() / len(samples) ** 0.5
    return Row(quantity, ours, reference, abs(ours - reference), allowed)


def below(quantity: str, ours: float, bound: float) -> Row:
    """A row of a value that must not exceed a bound."""
    return Row(quantity, ours, bound, ours - bound, 0.0)
