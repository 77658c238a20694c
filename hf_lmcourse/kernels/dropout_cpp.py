"""`torch.nn.functional.dropout` in C++: see dropout_kernel.cpp."""

import functools
import math
import struct
import threading
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function, forward_ad
from torch.utils._python_dispatch import is_in_torch_dispatch_mode

from .build import kernel_function

MANTISSA = 53
"""torch draws a uniform number of so many bits and keeps an entry where it is below 1 - p."""

_LEAST_ENTRIES = 1 << 14
"""To read the generator's state and write it again does not pay for itself with fewer."""
_STATE_BYTES = 5056
_POSITION = struct.Struct("=iiQ")
"""Of a state from its ninth byte on: one more than the words left, whether seeded, the next."""
_WORDS = 624
_ONE_AT_A_TIME = threading.Lock()
"""Two threads that drop at once may not draw the same numbers."""


def kept_below(p: float) -> int:
    """Below which whole number of `MANTISSA` bits an entry is kept."""
    return math.ceil((1 - p) * 2**MANTISSA)


def can_drop(x: Tensor) -> bool:
    """Whether there is a kernel, it draws what torch draws, and the entries are enough of them."""
    return (
        x.numel() >= _LEAST_ENTRIES
        and _function("drop", x) is not None
        and _draws_as_torch()
        and _is_consistent(torch.get_rng_state())
    )


class CompiledDropout(Function):
    """Dropout with the values, the gradients and the draws of torch's.

    Of the mask a byte per entry is kept for the backward pass.

    Shape:
        Any; the result has that of x.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, p: float) -> Tensor:
        """Draw the mask and apply it in one pass."""
        with _ONE_AT_A_TIME:
            state = torch.get_rng_state()
            y, keep, scale = _drop(x, p, state)
            torch.set_rng_state(state)
        ctx.save_for_backward(keep, scale)
        return y

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        """Apply the mask to the gradient; in torch where that is to be differentiated again."""
        keep, scale = ctx.saved_tensors
        run = None if torch.is_grad_enabled() else _function("drop_again", grad)
        if run is None:
            return grad * (keep.to(grad.dtype) * scale), None
        d_x = torch.empty_like(keep, dtype=grad.dtype)
        run(_laid_out_as(d_x, grad), keep, scale, d_x, grad.numel())
        return d_x, None


def _drop(x: Tensor, p: float, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The result, which entries are kept, and by what they are multiplied; advances the state."""
    y, keep = torch.empty_like(x), torch.empty_like(x, dtype=torch.bool)
    scale = x.new_ones(()).div_(1 - p)
    run = _function("drop", x)
    assert run is not None
    run(state, _laid_out_as(y, x), scale, y, keep, x.numel(), kept_below(p))
    return y, keep, scale


def _function(name: str, x: Tensor) -> Callable[..., None] | None:
    """`None` also where torch has to see each operation."""
    if torch._C._are_functorch_transforms_active() or is_in_torch_dispatch_mode():
        return None
    if forward_ad.unpack_dual(x).tangent is not None:
        return None
    return kernel_function("dropout_kernel", name, x)


def _laid_out_as(like: Tensor, x: Tensor) -> Tensor:
    """The same values, in memory in the order of a tensor without gaps."""
    return x if x.stride() == like.stride() else torch.empty_like(like).copy_(x)


@functools.cache
def _draws_as_torch() -> bool:
    """Whether a generator's state is what the kernel takes it for: they draw the same."""
    generator = torch.Generator("cpu").manual_seed(1)
    ones = torch.ones(2 * _WORDS, dtype=torch.float32, device="cpu")
    ones[:1].uniform_(generator=generator)  # one word: draws now straddle the ends of the state
    state, p = generator.get_state(), 1 / 3
    if not _is_consistent(state):
        return False
    _, keep, _ = _drop(ones, p, state)
    expected = ones.bernoulli_(1 - p, generator=generator).bool()
    return torch.equal(keep, expected) and torch.equal(state, generator.get_state())


def _is_consistent(state: Tensor) -> bool:
    if state.numel() != _STATE_BYTES:
        return False
    left, seeded, following = _POSITION.unpack_from(state.numpy().data, 8)
    return seeded == 1 and (left == 1 or (1 < left and left + following == _WORDS + 1))
