"""What a recurrent model carries from step to step, as a layer of transformers' `Cache`."""

from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import STATIC_LAYER_TYPE_MAPPING, Cache, CacheLayerMixin

__all__ = [
    "RECURRENT_STATE",
    "RecurrentStateLayer",
    "detach_state",
    "restore_state",
    "state_tensors",
]

RECURRENT_STATE = "lmcourse_recurrent_state"
"""The layer type that makes `DynamicCache(config=...)` build a `RecurrentStateLayer`."""


class RecurrentStateLayer(CacheLayerMixin):
    """The state of one recurrent layer: constant in size however many tokens were seen.

    `keys` holds h and `values` holds c (of width 0 where there is no cell), so that everything
    transformers does with a cache, beam search included, reaches both. Only the last step is kept,
    unless `activate_past_recording` asks for all of them so that assisted decoding can go back.

    Shape:
        keys, values: (batch, steps kept, size).
    """

    _layer_type = RECURRENT_STATE
    is_compileable = False
    is_croppable = True
    is_sliding = False
    supports_early_init = False

    def __init__(self, **kwargs: object) -> None:
        super().__init__()
        self.cumulative_length = 0
        self.record_past = False

    @property
    def state(self) -> tuple[Tensor, ...] | None:
        """The state after the last token, (h,) or (h, c); `None` before the first token.

        Shape:
            (batch, size) each.
        """
        if self.keys is None or self.values is None or self.cumulative_length == 0:
            return None
        return tuple(t[:, -1] for t in (self.keys, self.values) if t.shape[-1] > 0)

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """Note where the state lives."""
        self.dtype, self.device = key_states.dtype, key_states.device
        self.is_initialized = True

    def update(
        self, key_states: Tensor, value_states: Tensor, length: int
    ) -> tuple[Tensor, Tensor]:
        """Take the state after `length` more tokens.

        Args:
            key_states: h after every new step, or after the last alone.
            value_states: c likewise; of width 0 where there is no cell.
            length: how many tokens were read.

        Returns:
            What is kept.
        """
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        if self.record_past and self.keys is not None and self.values is not None:
            key_states = torch.cat([self.keys, key_states], dim=1)
            value_states = torch.cat([self.values, value_states], dim=1)
        self.keys, self.values = key_states, value_states
        self.cumulative_length += length
        return key_states, value_states

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """Length and offset of the mask: every token seen, from the first."""
        return self.cumulative_length + query_length, 0

    def get_seq_length(self) -> int:
        """How many tokens were seen."""
        return self.cumulative_length

    def get_max_length(self) -> int:
        """No limit."""
        return -1

    def reset(self) -> None:
        """Forget the state. The tensors are not overwritten: a graph may still need them."""
        self.keys, self.values = None, None
        self.is_initialized = False
        self.cumulative_length = 0

    def activate_past_recording(self) -> None:
        """Keep the state after every step from now on, so that `crop` can go back."""
        self.record_past = True

    def crop(self, tokens_to_remove: int) -> None:
        """Go back `-tokens_to_remove` tokens and keep that one state.

        Raises:
            ValueError: a positive number, or more tokens than were recorded.
        """
        if tokens_to_remove > 0:
            raise ValueError("crop takes a negative number: how many tokens to remove")
        if self.keys is None or self.values is None:
            return
        if -tokens_to_remove == self.cumulative_length:
            self.reset()
            return
        end = self.keys.shape[1] + tokens_to_remove
        if end < 1:
            raise ValueError("crop reaches back past what was recorded: activate_past_recording()")
        self.keys, self.values = self.keys[:, end - 1 : end], self.values[:, end - 1 : end]
        self.cumulative_length += tokens_to_remove

    def batch_repeat_interleave(self, repeats: int) -> None:
        """Repeat every row `repeats` times."""
        if self.keys is not None and self.values is not None:
            self.keys = self.keys.repeat_interleave(repeats, dim=0)
            self.values = self.values.repeat_interleave(repeats, dim=0)

    def batch_select_indices(self, indices: Tensor) -> None:
        """Keep the rows named."""
        if self.keys is not None and self.values is not None:
            self.keys, self.values = self.keys[indices], self.values[indices]


STATIC_LAYER_TYPE_MAPPING[RECURRENT_STATE] = RecurrentStateLayer


def detach_state(cache: Cache) -> Cache:
    """Cut a cache off the graph that made it: the border of truncated backpropagation."""
    layers: Any = cache.layers
    for layer in layers:
        if layer.keys is not None:
            layer.keys, layer.values = layer.keys.detach().clone(), layer.values.detach().clone()
    return cache


def state_tensors(cache: Cache) -> dict[str, Tensor]:
    """The tensors of a cache by name, to save them; empty before the first token."""
    return {
        f"{index}.{name}": getattr(layer, name).contiguous()
        for index, layer in enumerate(cache.layers)
        for name in ("keys", "values")
        if getattr(layer, name) is not None
    }


def restore_state(cache: Cache, tensors: dict[str, Tensor], length: int) -> Cache:
    """Fill an empty cache with what `state_tensors` gave after `length` tokens."""
    layers: Any = cache.layers
    for index, layer in enumerate(layers):
        layer.update(tensors[f"{index}.keys"], tensors[f"{index}.values"], length)
    return cache
