"""Our recurrent layers beside torch's, and beside a plain loop over time."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from ..kernels.build import kernel
from ..layers import ElmanLayer, GRULayer, LSTMLayer
from ..layers.gru import GRUSequence
from ..layers.lstm import LSTMSequence
from ..layers.recurrence import State
from . import timing
from .timing import Comparison, Side, compare

__all__ = ["SHAPES", "recurrent_layers"]

SHAPES = (
    (35, 20, 200),
    (35, 20, 650),
    (64, 64, 256),
    (64, 32, 512),
    (128, 64, 128),
    (256, 1, 512),
)
"""Time steps, batch, width."""

_LAYERS: dict[str, tuple[Callable[..., Any], type[nn.Module], type[nn.Module]]] = {
    "LSTM": (LSTMLayer, nn.LSTM, nn.LSTMCell),
    "GRU": (GRULayer, nn.GRU, nn.GRUCell),
    "Elman": (ElmanLayer, nn.RNN, nn.RNNCell),
}


class _UncompiledLSTM(LSTMLayer):
    """What a machine without a compiler runs."""

    def fast_sequence(
        self, projected: Tensor, state: State, weight: Tensor, mask: Tensor | None
    ) -> State:
        return LSTMSequence.apply(projected, *state, weight, mask)


class _UncompiledGRU(GRULayer):
    """What a machine without a compiler runs."""

    def fast_sequence(
        self, projected: Tensor, state: State, weight: Tensor, mask: Tensor | None
    ) -> State:
        return (GRUSequence.apply(projected, *state, weight, self._bias(projected), mask),)


_IN_TORCH: dict[str, Callable[..., Any]] = {"LSTM": _UncompiledLSTM, "GRU": _UncompiledGRU}


def recurrent_layers(repeats: int = 7) -> Iterator[Comparison]:
    """A training step and inference of each layer at each shape, in float32 and in bf16.

    The other sides are `torch.nn.LSTM` and its like, and a `for` loop over `torch.nn.LSTMCell`;
    bf16 is autocast on every side. Our LSTM and GRU are compiled where there is a compiler; then
    they are also shown without.
    """
    for name, (ours, library, cell) in _LAYERS.items():
        for steps, batch, width in SHAPES:
            torch.manual_seed(0)
            x = torch.randn(batch, steps, width)
            layers = {
                "ours": _first(ours(width, width)),
                f"torch.nn.{library.__name__}": _first(library(width, width, batch_first=True)),
                f"loop over {cell.__name__}": _loop(cell(width, width)),
            }
            if name in _IN_TORCH and kernel(f"{name.lower()}_kernel"):
                layers["ours, not compiled"] = _first(_IN_TORCH[name](width, width))
            setting = f"{steps} x {batch} x {width}"
            least = timing.LEAST_SECONDS / 4  # there are many of them
            for kind, step in (("training", _training_step), ("inference", _inference)):
                for precision in ("float32", "bf16"):
                    sides = [
                        Side(side, partial(step, layer, x, precision == "bf16"))
                        for side, layer in layers.items()
                    ]
                    title = f"{name}, {kind}, {precision}"
                    yield compare(title, setting, sides, repeats, least)


Layer = tuple[Callable[[Tensor], Tensor], nn.Module]


def _first(module: nn.Module) -> Layer:
    """A layer that returns its outputs and its state: the outputs."""
    return (lambda x: module(x)[0]), module


def _loop(cell: nn.Module) -> Layer:
    def run(x: Tensor) -> Tensor:
        state, outputs = None, []
        for t in range(x.shape[1]):
            state = cell(x[:, t], state)
            outputs.append(state[0] if isinstance(state, tuple) else state)
        return torch.stack(outputs, dim=1)

    return run, cell


def _training_step(layer: Layer, x: Tensor, bf16: bool) -> None:
    run, module = layer
    module.zero_grad(set_to_none=True)
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        total = run(x).sum()
    total.backward()


@torch.no_grad()
def _inference(layer: Layer, x: Tensor, bf16: bool) -> None:
    run, _ = layer
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        run(x)
