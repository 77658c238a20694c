"""The state that any causal language model carries along a text, of this package or not.

Models hand it over in arguments and outputs of several names, as caches, lists or tuples. A state
has a constant size; keys and values of every token are none.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from transformers.cache_utils import Cache

_ARGUMENTS = ("past_key_values", "cache_params", "state")
"""Names under which models of transformers take a state, and return it."""

_PROBE = (5, 7)
"""Tokens of the two pieces of a text that `state_argument` runs a model on."""

_ROUNDING = 1e-5
"""Largest relative difference of logits that counts as rounding."""


def state_argument(model: nn.Module) -> str | None:
    """The name of the argument, and of the output, in which a model carries a state.

    A model of the package says whether it has one. Any other is run on a few tokens, whole and in
    two pieces: its state must have one size, and the logits must be the same.

    Args:
        model: Any causal language model, which may be wrapped.

    Returns:
        `None` if the model is to read windows.
    """
    own = getattr(model, "carries_state", None)
    if own is not None:
        return "past_key_values" if own else None
    if (longest_context(model.config) or sum(_PROBE)) < sum(_PROBE):
        return None
    was_training = model.training
    model.eval()
    try:
        return next((name for name in _ARGUMENTS if _carries(model, name)), None)
    finally:
        model.train(was_training)


def longest_context(config: Any) -> int | None:
    """How many tokens a model reads at most; `None` if its config names no limit."""
    longest = getattr(config, "max_position_embeddings", None)
    return longest if isinstance(longest, int) and longest > 0 else None


@torch.no_grad()
def _carries(model: Any, name: str) -> bool:
    first, second = _PROBE
    ids = torch.arange(first + second, device=model.device)[None] % model.config.vocab_size
    whole = model(input_ids=ids, use_cache=True)
    begin = model(input_ids=ids[:, :first], use_cache=True)
    if whole.get(name) is None or _size(whole[name]) != _size(begin[name]):
        return False
    end = model(input_ids=ids[:, first:], use_cache=True, **{name: begin[name]})
    expected = whole.logits[:, first:].float()
    return bool((end.logits.float() - expected).abs().max() <= _ROUNDING * expected.abs().max())


def _size(state: Any) -> int:
    return sum(tensor.numel() for tensor in state_leaves(state))


def detach_state(state: Any) -> Any:
    """Cut a state off the graph that made it: the border of truncated backpropagation."""
    return map_state(state, lambda tensor: tensor.detach().clone())


def state_leaves(state: Any) -> list[Tensor]:
    """The tensors of a state, in a fixed order."""
    leaves: list[Tensor] = []

    def collect(tensor: Tensor) -> Tensor:
        leaves.append(tensor)
        return tensor

    map_state(state, collect)
    return leaves


def map_state(state: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """Replace every tensor of a state; a cache is changed in place."""
    if isinstance(state, Tensor):
        return change(state)
    if isinstance(state, dict):
        return {key: map_state(value, change) for key, value in state.items()}
    if isinstance(state, list | tuple):
        return type(state)(map_state(value, change) for value in state)
    layers = state.layers if isinstance(state, Cache) else []
    for layer in layers:
        for name, value in list(vars(layer).items()):
            if isinstance(value, Tensor | dict | list | tuple):
                setattr(layer, name, map_state(value, change))
    return state
