"""The random inputs that the steps of the LSTM and of the GRU have in common."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ..task import Sizes, draw_normal, sizes_between

SIZES = sizes_between(1, 6, "batch", "input_size", "hidden_size")

SPECIAL = (
    {"batch": 3, "input_size": 3, "hidden_size": 3},
    {"batch": 2, "input_size": 3, "hidden_size": 4},
    {"batch": 1, "input_size": 1, "hidden_size": 1},
)


def draw_step(
    sizes: Sizes,
    generator: torch.Generator,
    *,
    gates: int,
    states: Sequence[str],
    biases: Sequence[str],
) -> dict[str, Tensor]:
    """Draw x, the named states, the matrices W and U of all gates, and the named biases."""
    batch, hidden, rows = sizes["batch"], sizes["hidden_size"], gates * sizes["hidden_size"]
    shapes = {"x": (batch, sizes["input_size"]), **dict.fromkeys(states, (batch, hidden))}
    shapes |= {"W": (rows, sizes["input_size"]), "U": (rows, hidden)}
    return draw_normal(generator, **shapes, **dict.fromkeys(biases, (rows,)))
