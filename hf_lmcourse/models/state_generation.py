"""`generate` in one compiled call for models whose state has a constant size."""

from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import Cache

from .cache import RecurrentStateLayer
from .compiled_generation import CompiledGenerationMixin, Run, chosen_tokens
from .next_token import NextToken


class StateGenerationMixin(CompiledGenerationMixin):
    """`generate` for a model with a state; a family has `_runs`."""

    def _takes(self, input_ids: Tensor, generation_config: Any, kwargs: dict[str, Any]) -> bool:
        known = super()._takes(input_ids, generation_config, kwargs)
        return known and not _records(kwargs.get("past_key_values"))

    def _generate(
        self, input_ids: Tensor, outputs: Any, choice: NextToken, model_kwargs: dict[str, Any]
    ) -> Tensor:
        layers = outputs.past_key_values.layers
        states = [tuple(x.contiguous().clone() for x in layer.state) for layer in layers]
        finished = torch.zeros(len(input_ids), dtype=torch.uint8, device="cpu")
        steps = choice.length - input_ids.shape[1]
        tokens = chosen_tokens(self._runs(states), outputs.logits, choice, steps, finished)
        for layer, state in zip(layers, states, strict=True):
            layer.update(tuple(x.unsqueeze(1) for x in state), length=len(tokens) - 1)
        return torch.cat([input_ids, tokens.t()], dim=1)

    def _runs(self, states: list[tuple[Tensor, ...]]) -> Run:
        """The kernel on top of the state of each layer, which it reads and writes.

        Shape:
            states: (batch, *state_shape) each.
        """
        raise NotImplementedError


def _records(cache: Cache | None) -> bool:
    """Whether a cache keeps more than the last state: that after every token, to go back."""
    layers: Any = [] if cache is None else cache.layers
    return any(not isinstance(x, RecurrentStateLayer) or x.record_past for x in layers)
