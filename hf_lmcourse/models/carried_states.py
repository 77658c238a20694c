"""The state that any causal language model carries along a text, of this package or not.

Models hand it over in arguments and outputs of several names, as caches, lists or tuples. A state
has a constant size; keys and values of every token are none.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from transformers import PreTrainedConfig

from ..errors import LmcourseError

Part = Tensor | int | float
"""What a state is made of."""

_ARGUMENTS = ("past_key_values", "cache_params", "state")
"""Names under which models of transformers take a state, and return it."""

_PROBE = (5, 7)
"""Tokens of the two pieces of a text that `state_argument` runs a model on."""

_FOUND: WeakKeyDictionary[nn.Module, str | None] = WeakKeyDictionary()
"""What `state_argument` has found, as long as the model is there."""

_ROUNDING = 1e-5
"""Largest relative difference of logits that counts as rounding."""


def state_argument(model: nn.Module) -> str | None:
    """The name of the argument, and of the output, in which a model carries a state.

    A model of the package says whether it has one. Any other is run on a few tokens once, whole and
    in two pieces: its state must have one size, all of it must matter, and the logits must be the
    same.

    Args:
        model: Any causal language model, which may be wrapped.

    Returns:
        `None` if the model is to read windows.
    """
    own = getattr(model, "carries_state", None)
    if own is not None:
        return "past_key_values" if own else None
    if model not in _FOUND:
        _FOUND[model] = _probed(model)
    return _FOUND[model]


def _probed(model: nn.Module) -> str | None:
    if (longest_context(model.config) or sum(_PROBE)) < sum(_PROBE):
        return None
    with evaluating(model):
        return next((name for name in _ARGUMENTS if _carries(model, name)), None)


def longest_context(config: Any) -> int | None:
    """How many tokens a model reads at most; `None` if its config names no limit."""
    longest = getattr(config, "max_position_embeddings", None)
    return longest if isinstance(longest, int) and longest > 0 else None


def tokens_that_fit(model: Any, prompt: int, wanted: int) -> int:
    """How many tokens can be added to a prompt.

    A model of another package that reads windows ends at its longest context; models of the package
    go on with a window that moves.

    Args:
        model: Any causal language model.
        prompt: Tokens of the prompt.
        wanted: Tokens to add if there is room.

    Raises:
        LmcourseError: The prompt alone is too long.
    """
    longest = None if hasattr(model, "carries_state") else longest_context(model.config)
    if longest is None or state_argument(model) is not None:
        return wanted
    if prompt > longest:
        raise LmcourseError(
            f"the prompt has {prompt} tokens and {model.config.model_type} reads {longest} at "
            "most: shorten it"
        )
    return min(wanted, longest - prompt + 1)  # the last one is not read


@torch.no_grad()
def _carries(model: Any, name: str) -> bool:
    first, second = _PROBE
    ids = torch.arange(first + second, device=model.device)[None] % model.config.vocab_size
    whole = model(input_ids=ids, use_cache=True)
    begin = model(input_ids=ids[:, :first], use_cache=True)
    if whole.get(name) is None or _size(whole[name]) != _size(begin[name]):
        return False
    end, gradients = _with_gradients(model, ids[:, first:], name, begin[name])
    expected = whole.logits[:, first:].float()
    same = (end.float() - expected).abs().max() <= _ROUNDING * expected.abs().max()
    # a part that is ignored may hardly matter yet, as in a new model, but it has no gradient
    return bool(same) and all(part is not None and bool(part.any()) for part in gradients)


def _with_gradients(
    model: Any, ids: Tensor, name: str, state: Any
) -> tuple[Tensor, Sequence[Tensor | None]]:
    """The logits after a state, and the gradients of some function of them by its tensors."""
    tensors: list[Tensor] = []

    def watched(part: Part) -> Part:
        if not torch.is_tensor(part) or not part.is_floating_point() or not part.numel():
            return part
        tensors.append(part.detach().clone().requires_grad_())
        return tensors[-1].clone()  # which the model may overwrite

    with torch.enable_grad(), torch.autograd.graph.allow_mutation_on_saved_tensors():
        logits = model(input_ids=ids, use_cache=True, **{name: map_state(state, watched)}).logits
        gradients = torch.autograd.grad(logits.square().sum(), tensors, allow_unused=True)
    return logits.detach(), gradients


def _size(state: Any) -> int:
    return sum(tensor.numel() for tensor in state_leaves(state))


def detach_state(state: Any) -> Any:
    """Cut a state off the graph that made it: the border of truncated backpropagation."""
    return map_state(state, lambda part: part.detach().clone() if torch.is_tensor(part) else part)


def state_leaves(state: Any) -> list[Tensor]:
    """The tensors of a state, in a fixed order."""
    return [part for part in state_parts(state) if torch.is_tensor(part)]


def state_parts(state: Any) -> list[Part]:
    """The tensors and the numbers of a state, such as how many tokens it has seen, in order."""
    parts: list[Part] = []

    def collect(part: Part) -> Part:
        parts.append(part)
        return part

    map_state(state, collect)
    return parts


@torch.no_grad()
def state_of_parts(model: Any, name: str, parts: Sequence[Part]) -> Any:
    """Make the state of a model that `state_parts` took apart, in a state of one token.

    Args:
        model: The model, which may be wrapped.
        name: From `state_argument`.
        parts: Of a state of the same model, on its device.

    Raises:
        ValueError: The state of this model has another number of parts.
    """
    with evaluating(model):
        token = torch.zeros(1, 1, dtype=torch.long, device=model.device)
        state = model(input_ids=token, use_cache=True)[name]
    given = iter(parts)
    if len(parts) != len(state_parts(state)):
        raise ValueError(f"the state of the model has {len(state_parts(state))} parts")
    return map_state(state, lambda part: next(given))


def map_state(state: Any, change: Callable[[Part], Part]) -> Any:
    """Replace every tensor and every number of a state; caches are changed in place."""
    if isinstance(state, Tensor | int | float):
        return change(state)
    if isinstance(state, dict):
        return {key: map_state(value, change) for key, value in state.items()}
    if isinstance(state, list | tuple):
        return type(state)(map_state(value, change) for value in state)
    if hasattr(state, "__dict__") and not isinstance(state, PreTrainedConfig | nn.Module | type):
        for name, value in list(vars(state).items()):
            setattr(state, name, map_state(value, change))
    return state


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put a model into evaluation mode for a while."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:  # parts may be frozen in evaluation mode
            module.training = training
