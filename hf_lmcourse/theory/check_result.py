"""The result of a check: values next to their references, and tables of measurements."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass(frozen=True)
class Row:
    """One quantity by its closed form and by another method.

    Attributes:
        quantity: What is compared.
        ours: The value by the closed form; for a tensor, its Euclidean norm.
        reference: The value by the other method; for a tensor, its Euclidean norm.
        difference: The largest absolute difference; for a bound, by how much `ours` exceeds it.
        allowed: The largest difference that passes.
    """

    quantity: str
    ours: float
    reference: float
    difference: float
    allowed: float

    @property
    def ok(self) -> bool:
        """Whether the difference is allowed; nan is not."""
        return self.difference <= self.allowed


@dataclass(frozen=True)
class Table:
    """Measurements that are not compared with anything."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str | float, ...]]


@dataclass(frozen=True)
class CheckResult:
    """The rows and tables of one check."""

    rows: Sequence[Row]
    tables: Sequence[Table] = field(default_factory=tuple)

    @property
    def ok(self) -> bool:
        """Whether there are rows and all of them pass."""
        return bool(self.rows) and all(row.ok for row in self.rows)


def same(
    quantity: str, ours: Tensor | float, reference: Tensor | float, allowed: float = 1e-10
) -> Row:
    """Compare two values, which must be equal to within `allowed` in every entry.

    The difference of tensors of different shapes is infinite: broadcasting cannot hide a mistake.
    """
    a, b = (torch.as_tensor(value, dtype=torch.float64) for value in (ours, reference))
    difference = (a - b).abs().max().item() if a.shape == b.shape else float("inf")
    if a.shape:
        quantity += f" {tuple(a.shape)}"
        a, b = a.norm(), b.norm()
    return Row(quantity, a.item(), b.item(), difference, allowed)


def simulated(quantity: str, ours: float, samples: Tensor, standard_errors: float = 5) -> Row:
    """Compare the closed form of an expectation with the mean of independent samples.

    They may differ by so many standard errors of that mean.

    Shape:
        samples: (draws,).
    """
    reference = samples.mean().item()
    allowed = standard_errors * samples.std().item() / len(samples) ** 0.5
    return Row(quantity, ours, reference, abs(ours - reference), allowed)


def below(quantity: str, ours: float, bound: float) -> Row:
    """Compare a value with a bound that it must not exceed."""
    return Row(quantity, ours, bound, ours - bound, 0.0)
