"""The result of a check: values next to their references, and tables of measurements."""

import html
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..report.tables import aligned_table


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

    @property
    def cells(self) -> tuple[str, ...]:
        """Format the row for a table."""
        values = (f"{self.ours:.8g}", f"{self.reference:.8g}")
        errors = (f"{self.difference:.1e}", f"{self.allowed:.1e}")
        return (self.quantity, *values, *errors, "ok" if self.ok else "FAILED")


@dataclass(frozen=True)
class Table:
    """Measurements that are not compared with anything."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str | float, ...]]

    def __str__(self) -> str:
        rows = [[_number(cell) for cell in row] for row in self.rows]
        return f"{self.title}\n{aligned_table([self.columns, *rows])}"


@dataclass(frozen=True, repr=False)
class CheckResult:
    """The rows and tables of one check, which print as by `lmcourse theory`, also in a notebook."""

    rows: Sequence[Row]
    tables: Sequence[Table] = field(default_factory=tuple)

    @property
    def ok(self) -> bool:
        """Whether there are rows and all of them pass."""
        return bool(self.rows) and all(row.ok for row in self.rows)

    def __str__(self) -> str:
        """Format the tables, then the rows with their differences, as `lmcourse theory` does."""
        header = ("checked", "closed form", "reference", "difference", "allowed", "")
        failed, count = sum(not row.ok for row in self.rows), len(self.rows)
        return "\n".join(
            [
                *(f"{table}\n" for table in self.tables),
                aligned_table([header, *(row.cells for row in self.rows)]),
                "(for a vector or matrix: its Euclidean norm, and the largest difference of an "
                "entry)",
                f"{failed} of {count} checks FAILED" if failed else f"all {count} checks passed",
            ]
        )

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"


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


def _number(cell: str | float) -> str:
    if isinstance(cell, str):
        return cell
    if float(cell).is_integer() and abs(cell) < 1e15:
        return f"{int(cell):,}"
    return f"{cell:,.1f}" if abs(cell) >= 1000 else f"{cell:#.4g}"
