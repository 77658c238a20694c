"""Dropout of entries compared with that of torch, whose values and draws it has."""

from collections.abc import Callable, Iterator
from functools import partial
from unittest import mock

import torch
from torch import Tensor
from torch.nn import functional

from hf_lmcourse.kernels import build
from hf_lmcourse.layers.dropout import drop

from .timing import Comparison, Side, compare

__all__ = ["SHAPES", "dropout", "dropout_step"]

SHAPES = {
    "recurrent matrix of an LSTM": ((2_600, 650), torch.float32),
    "vectors between layers": ((1_120, 650), torch.bfloat16),
    "attention weights": ((12, 4, 64, 64), torch.float32),
}
"""What is dropped: its shape and dtype."""

_P = 0.5


def dropout(repeats: int = 9) -> Iterator[Comparison]:
    """Time the value and the gradient; also without a compiler, by torch's own draws compared."""
    for name, (shape, dtype) in SHAPES.items():
        x = torch.randn(shape).to(dtype).requires_grad_()
        ways = {
            "ours": drop,
            "torch.nn.functional.dropout": functional.dropout,
            "ours, not compiled": _uncompiled,
        }
        yield compare(
            f"dropout, {name}",
            f"{' x '.join(map(str, shape))}, {str(dtype).removeprefix('torch.')}",
            [Side(side, partial(dropout_step, way, x)) for side, way in ways.items()],
            repeats,
            amount=x.numel() / 1e6,
            unit="million entries",
        )


def dropout_step(way: Callable[[Tensor, float], Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the result and a gradient."""
    y = way(x, _P)
    return y.detach(), torch.autograd.grad(y, x, x.detach())[0]


def _uncompiled(x: Tensor, p: float) -> Tensor:
    with mock.patch.object(build, "kernel", lambda name: None):
        return drop(x, p)
