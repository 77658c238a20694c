"""What a recurrent model carries from step to step, as a layer of transformers' `Cache`."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import STATIC_LAYER_TYPE_MAPPING, Cache, CacheLayerMixin

RECURRENT_STATE = "lmcourse_recurrent_state"
"""The layer type that makes `DynamicCache(config=...)` build a `RecurrentStateLayer`."""

_State = tuple[Tensor, ...]


class RecurrentStateLayer(CacheLayerMixin):
    """The state of one recurrent layer: constant in size however many tokens were seen.

    A state is any number of tensors of any shapes, the batch first; none at all is a state too.
    Only the last step is kept, unless `activate_past_recording` asks for all of them so that
    assisted decoding can go back.

    Attributes:
        states: Each tensor after every step that is kept; `None` before the first token.

    Shape:
        states: (batch, steps kept, *state_shape) each.
    """

    _layer_type = RECURRENT_STATE
    is_compileable = False
    is_croppable = True
    is_sliding = False
    supports_early_init = False

    def __init__(self, **kwargs: object) -> None:
        super().__init__()
        self.states: _State | None = None
        self.cumulative_length = 0
        self.record_past = False

    @property
    def state(self) -> _State | None:
        """The state after the last token; `None` before the first. Shape: (batch, *state_shape)."""
        if self.states is None or self.cumulative_length == 0:
            return None
        return tuple(tensor[:, -1] for tensor in self.states)

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """Nothing to do: the first `update` brings the tensors."""

    def update(self, states: _State, length: int) -> None:  # type: ignore[override]
        """Take the state after `length` more tokens.

        Args:
            states: Each tensor after every new step, or after the last alone.
            length: How many tokens were read.

        Shape:
            states: (batch, 1 or length, *state_shape) each.
        """
        if self.record_past and self.states is not None:
            pairs = zip(self.states, states, strict=True)
            states = tuple(torch.cat([old, new], dim=1) for old, new in pairs)
        self.states = states
        self.is_initialized = True
        self.cumulative_length += length

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
        self.states = None
        self.is_initialized = False
        self.cumulative_length = 0

    def activate_past_recording(self) -> None:
        """Keep the state after every step from now on, so that `crop` can go back."""
        self.record_past = True

    def crop(self, tokens_to_remove: int) -> None:
        """Go back `-tokens_to_remove` tokens and keep that one state.

        Raises:
            ValueError: A positive number, or more tokens than were recorded.
        """
        if tokens_to_remove > 0:
            raise ValueError("crop takes a negative number: how many tokens to remove")
        if self.states is None:
            return
        if -tokens_to_remove == self.cumulative_length:
            self.reset()
            return
        if any(tensor.shape[1] + tokens_to_remove < 1 for tensor in self.states):
            raise ValueError("crop reaches back past what was recorded: activate_past_recording()")
        last = tokens_to_remove - 1
        self._map(lambda tensor: tensor[:, tensor.shape[1] + last :][:, :1])
        self.cumulative_length += tokens_to_remove

    def batch_repeat_interleave(self, repeats: int) -> None:
        """Repeat every row `repeats` times."""
        self._map(lambda tensor: tensor.repeat_interleave(repeats, dim=0))

    def batch_select_indices(self, indices: Tensor) -> None:
        """Keep the rows named."""
        self._map(lambda tensor: tensor[indices])

    def reorder_cache(self, beam_idx: Tensor) -> None:
        """Reorder the rows for beam search."""
        self._map(lambda tensor: tensor.index_select(0, beam_idx.to(tensor.device)))

    def offload(self) -> None:
        """Nothing to do: a state is small, and stays where it is computed."""

    def prefetch(self) -> None:
        """Nothing to do, as nothing was offloaded."""

    def _map(self, change: Callable[[Tensor], Tensor]) -> None:
        if self.states is not None:
            self.states = tuple(change(tensor) for tensor in self.states)


STATIC_LAYER_TYPE_MAPPING[RECURRENT_STATE] = RecurrentStateLayer


def restore_state(cache: Cache, tensors: dict[str, Tensor], length: int) -> Cache:
    """Fill an empty cache with the tensors of a file of an earlier version.

    They are named by layer and number, in version 0.1 keys and values; values without a width are
    no part of the state.
    """
    layers: Any = cache.layers
    for index, layer in enumerate(layers):
        old = [tensors.get(f"{index}.{name}") for name in ("keys", "values")]
        states = [tensor for tensor in old if tensor is not None and tensor.shape[-1] > 0]
        while (tensor := tensors.get(f"{index}.{len(states)}")) is not None:
            states.append(tensor)
        layer.update(tuple(states), length)
    return cache
