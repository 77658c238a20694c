"""`generate` of recurrent models in one compiled call for many tokens: generation_kernel.cpp."""

from typing import Any

from torch import Tensor, nn

from ..kernels.readable_weights import readable
from ..layers.dropout import Dropout, LockedDropout
from ..layers.elman import ElmanLayer
from ..layers.gru import GRULayer
from ..layers.lstm import LSTMLayer
from .compiled_generation import Run, addresses
from .state_generation import StateGenerationMixin

_CELLS = {
    (ElmanLayer, "tanh"): 0,
    (ElmanLayer, "sigmoid"): 1,
    (ElmanLayer, "relu"): 2,
    (LSTMLayer, False): 3,
    (LSTMLayer, True): 4,
    (GRULayer, None): 5,
}
"""Class of a layer, with its activation or whether its gate is capped, and the kernel's cell."""


class RecurrentGenerationMixin(StateGenerationMixin):
    """`generate` for a recurrent model."""

    generation_kernel = "generation_kernel"

    def _is_known_body(self) -> bool:
        layers = self.model.layers
        linear = [part for layer in layers for part in layer.children()]
        cells = {_cell(layer) for layer in layers}
        dropouts = [self.model.embedding_dropout, *self.model.dropouts]
        return (
            len(cells) == 1
            and None not in cells
            and all(type(module) is nn.Linear for module in linear)
            and readable(*linear)
            and self._has_known_sizes()
            and all(type(module) in (Dropout, LockedDropout) for module in dropouts)
        )

    def _has_known_sizes(self) -> bool:
        """Whether the layers are as wide as the config says."""
        size = self.config.hidden_size
        width = self.model.embed_tokens.embedding_dim
        for layer in self.model.layers:
            rows, inside = layer.recurrent_projection.weight.shape
            if inside != size or rows != layer.gates * size:
                return False
            if layer.input_projection.weight.shape != (rows, width):
                return False
            width = size
        return True

    def _runs(self, states: list[tuple[Tensor, ...]]) -> Run:
        first, weights, around = self.model.layers[0], self._weights(states), self._around()
        embedding_size = self.model.embed_tokens.embedding_dim
        sizes = (embedding_size, self.config.hidden_size, self.lm_head.in_features)
        kernel = self._kernel(states[0][0])
        assert kernel is not None

        def run(request: Tensor, before: int) -> None:
            kernel(weights, around, request, _cell(first) or 0, len(states), *sizes)

        return run

    def _weights(self, states: list[tuple[Tensor, ...]]) -> Tensor:
        """Where the weights of the layers and their states are. Shape: (layers, parts)."""
        table: list[list[Tensor | int | None]] = []
        for layer, state in zip(self.model.layers, states, strict=True):
            W, U = layer.input_projection, layer.recurrent_projection
            cell = state[1] if len(state) > 1 else None
            table.append([W.weight, W.bias, U.weight, U.bias, state[0], cell])
        return addresses(table)


def _cell(layer: nn.Module) -> int | None:
    """The cell of the kernel for a layer; `None` if it has none."""
    if getattr(layer, "backend", None) == "torch" or getattr(layer, "cell", None) is not None:
        return None
    kind: Any = type(layer)
    settings = vars(layer)
    return _CELLS.get((kind, settings.get("activation", settings.get("capped_input_gate"))))
