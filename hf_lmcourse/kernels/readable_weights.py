"""Whether the weights of a module may be read past its forward, as every fast path does.

An adapter, a hook, a quantised or an offloaded layer has its effect in the module's own call. So a
computation that takes the weights out of a module asks `readable` first, and otherwise calls it.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules import module as hooks_of_all_modules

PLAIN: dict[type[nn.Module], Callable[..., Any]] = {
    kind: kind.forward for kind in (nn.Linear, nn.Conv1d, nn.Embedding, nn.LayerNorm)
}
"""The library's layers whose weights say all that they compute, and their `forward`."""


def readable(*modules: nn.Module) -> bool:
    """Whether each module is a plain layer of the library, and its weights are in memory."""
    return all(is_as_made(module, PLAIN) and _weights_are_plain(module) for module in modules)


def is_as_made(module: nn.Module, forwards: Mapping[type[nn.Module], Callable[..., Any]]) -> bool:
    """Whether a call of a module computes what its class says, and nobody sees it.

    Args:
        module: Any module.
        forwards: Known classes, and what their `forward` was: no other class is as made.
    """
    kind = type(module)
    if kind not in forwards or kind.forward is not forwards[kind] or "forward" in vars(module):
        return False
    return not (
        module._forward_hooks
        or module._forward_pre_hooks
        or module._backward_hooks
        or module._backward_pre_hooks
        or hooks_of_all_modules._has_any_global_hook()
    )


def linear_map(module: nn.Module, x: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """W and b of a module that computes y = W x + b, read through its call.

        b = y(0),        W = (y(e_1) - b, y(e_2) - b, ...)

    so that an adapter in it has its effect and its gradient.

    Args:
        module: Any affine map.
        x: A tensor of the dtype and on the device of what goes in.
        size: Width of what goes in.

    Shape:
        W: (outputs, size); b: (outputs,).
    """
    units = torch.eye(size + 1, size, dtype=x.dtype, device=x.device)  # the last row is 0
    y = module(units)  # (size + 1, outputs)
    return (y[:-1] - y[-1]).t().contiguous(), y[-1]


def _weights_are_plain(module: nn.Module) -> bool:
    """Whether no weight is offloaded, quantised, spread over processes, or changed when used."""
    if getattr(module, "max_norm", None) is not None:
        return False  # an embedding that shortens the rows it looks up
    return all(
        x is None or (type(x) in (Tensor, nn.Parameter) and not x.is_meta)
        for x in module._parameters.values()
    )
