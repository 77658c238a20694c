"""`LSTMSequence` in C++: see lstm_kernel.cpp, and lstm.py for the equations."""

import ctypes
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from .compiled import kernel

__all__ = ["CompiledLSTMSequence", "can_compile"]

_LEAST_STEPS = 8
"""The kernel arranges U before the first step, which a few steps do not make up for."""


def can_compile(projected: Tensor) -> bool:
    """Whether there is a kernel for a sequence, and it is long enough.

    The kernel knows float32, and bfloat16 where the processor multiplies it, two units at a time.

    Shape:
        projected: (length, batch, 4 * hidden_size).
    """
    length, batch, rows = projected.shape
    pairs = rows % 8 == 0
    known = projected.dtype == torch.float32 or (projected.dtype == torch.bfloat16 and pairs)
    if not known or projected.device.type != "cpu" or length < _LEAST_STEPS or not batch:
        return False
    library = kernel("lstm_kernel")
    return library is not None and hasattr(library, _function("forward", projected))


class CompiledLSTMSequence(Function):
    """All steps of the LSTM, and the way back, in one call each.

    Shape:
        As in `LSTMSequence`.
    """

    @staticmethod
    def forward(
        ctx: Any,
        projected: Tensor,
        h: Tensor,
        c: Tensor,
        U: Tensor,
        mask: Tensor | None,
        with_gradient: bool,
    ) -> tuple[Tensor, Tensor]:
        """Run the steps, keeping what `LSTMSequence` keeps where there will be a way back."""
        projected, U = projected.contiguous(), U.contiguous()
        length, batch, rows = projected.shape
        size = rows // 4
        hidden = projected.new_empty(length + 1, batch, size)
        cell = torch.empty(length + 1, batch, size)
        gates = tanh_cell = None
        if with_gradient:
            gates, tanh_cell = torch.empty(length, batch, rows), torch.empty_like(cell[1:])
        hidden[0], cell[0] = h, c
        mask = None if mask is None else mask.to(torch.uint8).contiguous()
        function = _function("forward", projected)
        _call(function, projected, U, mask, hidden, gates, cell, tanh_cell, like=cell[1:])
        ctx.save_for_backward(gates, hidden, cell, tanh_cell, U, mask)
        ctx.set_materialize_grads(False)
        return hidden[1:], cell[1:].to(hidden.dtype)

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, grad_hidden: Tensor | None, grad_cell: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        """Walk back through time; the gradient of U is one product over all steps."""
        gates, hidden, cell, tanh_cell, U, mask = ctx.saved_tensors
        _, batch, rows = gates.shape
        size = rows // 4
        d_gates = torch.empty_like(gates, dtype=U.dtype)
        dh, dc = gates.new_zeros(batch, size), gates.new_zeros(batch, size)
        grads = (None if g is None else g.contiguous() for g in (grad_hidden, grad_cell))
        kept = (gates, cell, tanh_cell)
        function = _function("backward", U)
        _call(function, *kept, *grads, U, mask, d_gates, dh, dc, like=tanh_cell)
        d_weight = d_gates.view(-1, rows).t() @ hidden[:-1].reshape(-1, size)
        return d_gates, dh.to(U.dtype), dc.to(U.dtype), d_weight, None, None


def _function(name: str, numbers: Tensor) -> str:
    """The name of the kernel's function for numbers of a type."""
    return f"lstm_{name}_{str(numbers.dtype).removeprefix('torch.')}"


def _call(name: str, *tensors: Tensor | None, like: Tensor) -> None:
    """Call a function of the kernel with the addresses of tensors, and the shape of one."""
    library = kernel("lstm_kernel")
    assert library is not None
    addresses = [ctypes.c_void_p(None if t is None else t.data_ptr()) for t in tensors]
    sizes = [ctypes.c_int64(size) for size in like.shape]
    library[name](*addresses, *sizes, torch.get_num_threads())
