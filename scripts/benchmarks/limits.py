"""The peak speed of the machine: matrix products alone, and memory traffic alone."""

from collections.abc import Iterator
from functools import partial

import torch

from .timing import Comparison, Side, compare

__all__ = ["PRODUCTS", "limits"]

PRODUCTS = {
    "input of an LSTM layer": (700, 200, 800),
    "one step of its recurrence": (20, 200, 800),
    "output layer": (700, 200, 33_278),
    "output layer of a sample": (700, 200, 4_000),
    "large": (1_024, 1_024, 1_024),
}
"""The matrix products of a WikiText-2 step: rows, inner size, columns."""

_COPIED = 1 << 26
"""Number of float32 values to copy: more than any cache holds."""


def limits(
    repeats: int = 9,
    products: dict[str, tuple[int, int, int]] | None = None,
    copied: int = _COPIED,
) -> Iterator[Comparison]:
    """Time matrix products in both precisions, and copying and reading memory.

    The two other products of a training step, for the gradients, have the same sizes in another
    order and cost as much each.
    """
    for name, (rows, inner, columns) in (PRODUCTS if products is None else products).items():
        sides = []
        for side, dtype in (("bf16", torch.bfloat16), ("float32", torch.float32)):
            a, b = torch.randn(rows, inner, dtype=dtype), torch.randn(columns, inner, dtype=dtype)
            out = torch.empty(rows, columns, dtype=dtype)
            sides.append(Side(side, partial(torch.mm, a, b.t(), out=out)))
        yield compare(
            f"product, {name}",
            f"{rows:,} x {inner:,} x {columns:,}",
            sides,
            repeats,
            amount=2e-9 * rows * inner * columns,
            unit="GFLOP",
        )
    source, target = torch.ones(copied), torch.ones(copied)
    size = 4e-9 * copied
    for name, side, moved in (
        ("memory, read and written", Side("copy", partial(target.copy_, source)), 2 * size),
        ("memory, read", Side("sum", source.sum), size),
    ):
        yield compare(name, f"{1e3 * size:,.3g} MB", [side], repeats, amount=moved, unit="GB")
