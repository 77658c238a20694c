"""`generate` of the n-gram network in one compiled call: ngram_generation_kernel.cpp."""

from typing import Any

import torch
from torch import Tensor, nn

from ...kernels.readable_weights import readable
from ...layers.dropout import Dropout
from ...layers.ngram import NGramLayer, ResidualLayer
from ..compiled_generation import Run, addresses
from ..state_generation import StateGenerationMixin

_ACTIVATIONS = ("tanh", "sigmoid", "relu")
"""In the order of the kernel."""
_EPSILON = 1e-5
"""Of nn.LayerNorm."""


class NGramGenerationMixin(StateGenerationMixin):
    """`generate` for an n-gram network."""

    generation_kernel = "ngram_generation_kernel"

    def _is_known_body(self) -> bool:
        config, body = self.config, self.model
        window, size = body.window, body.embed_tokens.embedding_dim
        shape = (config.hidden_size, size, config.context_size)
        dropouts = (body.embedding_dropout, body.hidden_dropout, body.output_dropout)
        return (
            type(window) is NGramLayer
            and window.activation == config.hidden_act
            and window.context_size == config.context_size
            and readable(window.projection)
            and window.projection.weight.shape == shape
            and window.projection.bias is not None
            and len(body.layers) == config.num_hidden_layers - 1
            and all(self._is_known(layer) for layer in body.layers)
            and all(type(dropout) is Dropout for dropout in dropouts)
        )

    def _is_known(self, layer: Any) -> bool:
        """Whether the kernel computes a further hidden layer."""
        config = self.config
        size = config.hidden_size
        if type(layer) is not ResidualLayer or not readable(layer.projection):
            return False
        norm, projection = layer.norm, layer.projection
        if layer.residual:
            is_normal = type(norm) is nn.LayerNorm and readable(norm) and norm.eps == _EPSILON
            is_normal = is_normal and norm.weight is not None and norm.bias is not None
        else:
            is_normal = type(norm) is nn.Identity
        return (
            is_normal
            and layer.activation == config.hidden_act
            and type(projection) is nn.Linear
            and projection.weight.shape == (size, size)
            and projection.bias is not None
        )

    def _runs(self, states: list[tuple[Tensor, ...]]) -> Run:
        config = self.config
        ((state,),) = states
        weights, around = self._weights(), self._around()
        epsilon = torch.tensor(_EPSILON, dtype=torch.float32, device="cpu")
        embedding_size = self.model.embed_tokens.embedding_dim
        sizes = (config.num_hidden_layers, config.context_size, embedding_size, config.hidden_size)
        output = (int(config.direct_connections), self.lm_head.in_features)
        activation = _ACTIVATIONS.index(config.hidden_act)
        kernel = self._kernel(state)
        assert kernel is not None

        def run(request: Tensor, before: int) -> None:
            kernel(weights, around, state, epsilon, request, activation, *sizes, *output)

        return run

    def _weights(self) -> Tensor:
        """Where the weights of the hidden layers are. Shape: (layers, parts)."""
        first = self.model.window.projection
        table: list[list[Tensor | int | None]] = [[first.weight, first.bias, None, None]]
        for layer in self.model.layers:
            norm = (layer.norm.weight, layer.norm.bias) if layer.residual else (None, None)
            table.append([layer.projection.weight, layer.projection.bias, *norm])
        return addresses(table)
