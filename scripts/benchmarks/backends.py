"""Our kernels of a recurrence and the library's over a grid of sizes, and which one is taken."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import torch
from torch import Tensor

from hf_lmcourse.layers.elman import ElmanLayer
from hf_lmcourse.layers.gru import GRULayer
from hf_lmcourse.layers.lstm import LSTMLayer
from hf_lmcourse.layers.recurrence import DenseRecurrence

from .processor import precisions
from .recurrent_layers import inference, outputs_of, training_step
from .timing import Comparison, Side, compare

__all__ = ["Grid", "backends"]

_CELLS: dict[str, Callable[..., DenseRecurrence]] = {
    "LSTM": LSTMLayer,
    "GRU": GRULayer,
    "Elman": ElmanLayer,
}
_SIDES = {"native": "ours", "torch": "library"}
"""Settings of `backend`, and what they are called here."""
_LEAST_SECONDS = 0.01
_MOST_REPEATS = 5
"""There are hundreds of points; of five pairs the spread is the whole range."""


@dataclass(frozen=True)
class Grid:
    """The sizes.

    Attributes:
        cells: Names of the recurrences.
        batches, lengths, widths: Sequences, time steps, and width of inputs and state.
        most: Largest product of the sizes and once more the width, which bounds the time of a
            point.
    """

    cells: tuple[str, ...] = tuple(_CELLS)
    batches: tuple[int, ...] = (1, 8, 20, 64)
    lengths: tuple[int, ...] = (1, 32, 128)
    widths: tuple[int, ...] = (128, 256, 512, 650)
    most: int = 300_000_000

    @property
    def sizes(self) -> list[tuple[int, int, int]]:
        """The batches, lengths and widths that are not too many."""
        every = product(self.batches, self.lengths, self.widths)
        return [sizes for sizes in every if sizes[0] * sizes[1] * sizes[2] ** 2 <= self.most]


def backends(repeats: int = 9, grid: Grid | None = None) -> Iterator[Comparison]:
    """Time both for each cell, in training and inference, in float32 and under autocast in bf16.

    Of each point it is noted which one `backend="auto"` takes there.
    """
    grid = grid or Grid()
    kinds = product(grid.cells, ("training", "inference"), precisions())
    for cell, mode, precision in kinds:
        for sizes in grid.sizes:
            yield _compare(cell, mode, precision == "bf16", sizes, min(repeats, _MOST_REPEATS))


def _compare(
    cell: str, mode: str, bf16: bool, sizes: tuple[int, int, int], repeats: int
) -> Comparison:
    width = sizes[-1]
    x = torch.randn(*sizes)
    step: Callable[..., Any] = training_step if mode == "training" else inference
    sides = []
    for backend, side in _SIDES.items():
        torch.manual_seed(0)
        layer = outputs_of(_CELLS[cell](width, width, backend=backend))
        sides.append(Side(side, partial(step, layer, x, bf16)))
    return compare(
        f"{cell}, {mode}, {'bf16' if bf16 else 'float32'}",
        " x ".join(map(str, sizes)),
        sides,
        repeats,
        _LEAST_SECONDS,
        taken=_taken(_CELLS[cell](width, width), x, mode == "training", bf16),
    )


def _taken(layer: DenseRecurrence, x: Tensor, training: bool, bf16: bool) -> str:
    with torch.set_grad_enabled(training), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        return _SIDES[layer.backend_for(x)]
