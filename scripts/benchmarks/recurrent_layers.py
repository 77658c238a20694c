"""Our recurrent layers compared with those of torch, and with a plain loop over time."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn

from hf_lmcourse.kernels import build
from hf_lmcourse.layers.elman import ElmanLayer
from hf_lmcourse.layers.gru import GRULayer
from hf_lmcourse.layers.lstm import LSTMLayer

from . import timing
from .processor import precisions
from .timing import Comparison, Side, compare

__all__ = ["SHAPES", "inference", "outputs_of", "recurrent_layers", "training_step"]

SHAPES = (
    (35, 20, 200),
    (35, 20, 650),
    (64, 64, 256),
    (64, 32, 512),
    (128, 64, 128),
    (256, 1, 512),
)
"""Time steps, batch size, width."""

_LAYERS: dict[str, tuple[Callable[..., Any], type[nn.Module], type[nn.Module]]] = {
    "LSTM": (LSTMLayer, nn.LSTM, nn.LSTMCell),
    "GRU": (GRULayer, nn.GRU, nn.GRUCell),
    "Elman": (ElmanLayer, nn.RNN, nn.RNNCell),
}

Layer = tuple[Callable[[Tensor], Tensor], nn.Module]
"""A function from inputs to outputs, and the module whose parameters it uses."""


def recurrent_layers(repeats: int = 9) -> Iterator[Comparison]:
    """Time a training step and inference of each layer at each shape, in float32 and in bf16.

    The other sides are `torch.nn.LSTM`, `GRU` and `RNN`, and a `for` loop over the cells; bf16 is
    autocast on every side. Our LSTM and GRU are compiled if there is a C++ compiler; then they are
    also timed without it.
    """
    for name, (ours, torchs, cell) in _LAYERS.items():
        for steps, batch, width in SHAPES:
            torch.manual_seed(0)
            x = torch.randn(batch, steps, width)
            layers = {
                "ours": outputs_of(ours(width, width)),
                f"torch.nn.{torchs.__name__}": outputs_of(torchs(width, width, batch_first=True)),
                f"loop over {cell.__name__}": _loop(cell(width, width)),
            }
            if name != "Elman" and build.kernel(f"{name.lower()}_kernel"):
                layers["ours, not compiled"] = _uncompiled(ours(width, width))
            yield from _compare_layers(name, f"{steps} x {batch} x {width}", layers, x, repeats)


def _compare_layers(
    name: str, setting: str, layers: dict[str, Layer], x: Tensor, repeats: int
) -> Iterator[Comparison]:
    least = timing.LEAST_SECONDS / 4  # there are many comparisons
    for mode, step in (("training", training_step), ("inference", inference)):
        for precision in precisions():
            sides = [
                Side(side, partial(step, layer, x, precision == "bf16"))
                for side, layer in layers.items()
            ]
            wide = mode == "training" and precision == "bf16" and x.shape[-1] >= 256
            yield compare(
                f"{name}, {mode}, {precision}",
                setting,
                sides,
                repeats,
                least,
                aims={side: 1.2 if wide else 1.0 for side in layers if side.startswith("torch.nn")},
            )


def outputs_of(module: nn.Module) -> Layer:
    """Take the outputs of a layer that returns (outputs, state)."""
    return (lambda x: module(x)[0]), module


def _uncompiled(module: nn.Module) -> Layer:
    """Run one of our layers as a machine without a C++ compiler runs it."""

    def run(x: Tensor) -> Tensor:
        without = mock.patch.object(build, "kernel", lambda name: None)
        with without, mock.patch.object(module, "backend", "native"):
            return module(x)[0]

    return run, module


def _loop(cell: nn.Module) -> Layer:
    def run(x: Tensor) -> Tensor:
        state, outputs = None, []
        for t in range(x.shape[1]):
            state = cell(x[:, t], state)
            outputs.append(state[0] if isinstance(state, tuple) else state)
        return torch.stack(outputs, dim=1)

    return run, cell


def training_step(layer: Layer, x: Tensor, bf16: bool) -> None:
    """Compute the outputs and all gradients, but that of the input vectors."""
    run, module = layer
    module.zero_grad(set_to_none=True)
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        total = run(x).sum()
    total.backward()


@torch.no_grad()
def inference(layer: Layer, x: Tensor, bf16: bool) -> None:
    """Compute the outputs."""
    run, _ = layer
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        run(x)
