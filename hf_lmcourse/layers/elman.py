"""Elman's simple recurrence: the equation, step by step and as one fast sequence."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from .recurrence import RecurrentLayer, State, run_steps

__all__ = ["ACTIVATIONS", "ElmanLayer", "ElmanSequence", "elman_step"]

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "relu": torch.relu,
}
"""phi by name."""

_IN_PLACE = {"tanh": torch.tanh_, "sigmoid": torch.sigmoid_, "relu": torch.relu_}
_BACKWARD: dict[
    str, Callable[..., Tensor]
] = {  # from the gradient and the activated value, as each has a derivative in that value
    "tanh": torch.ops.aten.tanh_backward.grad_input,
    "sigmoid": torch.ops.aten.sigmoid_backward.grad_input,
    "relu": lambda grad, value, grad_input: torch.mul(grad, value > 0, out=grad_input),
}


def elman_step(a_x: Tensor, h: Tensor, U: Tensor, activation: str) -> Tensor:
    """One step h_t = phi(a_x + U h_{t-1}), with a_x = W x_t + b.

    Args:
        a_x: W x_t + b, the input product.
        h: h_{t-1}.
        U: the recurrent matrix.
        activation: the name of phi, a key of `ACTIVATIONS`.

    Returns:
        h_t.

    Shape:
        a_x, h: (batch, hidden_size); U: (hidden_size, hidden_size).
    """
    return ACTIVATIONS[activation](a_x + h @ U.t())


class ElmanSequence(Function):
    """All steps of Elman's recurrence with a backward pass written by hand.

    Going back in time with d(.) for the gradient of the loss:

        da_t = dh_t * phi'(a_t)                  dh_{t-1} = da_t U

    and, after the loop, dU = sum over t of da_t^T h_{t-1} as one matrix product.

    Shape:
        projected: (length, batch, hidden_size); h: (batch, hidden_size);
        U: (hidden_size, hidden_size); mask: (length, batch, 1) or None;
        result h_1 .. h_T: (length, batch, hidden_size).
    """

    @staticmethod
    def forward(
        ctx: Any,
        projected: Tensor,
        h: Tensor,
        U: Tensor,
        mask: Tensor | None,
        activation: str,
    ) -> Tensor:
        """Run the steps, keeping h for the way back."""
        length, batch, size = projected.shape
        hidden = projected.new_empty(length + 1, batch, size)
        hidden[0] = h
        transposed = U.t()
        for t in range(length):
            torch.addmm(projected[t], hidden[t], transposed, out=hidden[t + 1])
            _IN_PLACE[activation](hidden[t + 1])
            if mask is not None:
                torch.where(mask[t], hidden[t + 1], hidden[t], out=hidden[t + 1])
        ctx.save_for_backward(hidden, U, mask)
        ctx.activation = activation
        ctx.set_materialize_grads(False)
        return hidden[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_hidden: Tensor | None) -> tuple[Tensor | None, ...]:
        """Walk back through time by the equations of the class docstring."""
        if grad_hidden is None:
            return None, None, None, None, None
        hidden, U, mask = ctx.saved_tensors
        size = hidden.shape[-1]
        d_projected = torch.empty_like(hidden[1:])
        dh = torch.zeros_like(hidden[0])
        for t in reversed(range(d_projected.shape[0])):
            dh.add_(grad_hidden[t])
            if mask is not None:
                held = dh.masked_fill(mask[t], 0)
                dh.masked_fill_(~mask[t], 0)
            _BACKWARD[ctx.activation](dh, hidden[t + 1], grad_input=d_projected[t])
            torch.mm(d_projected[t], U, out=dh)
            if mask is not None:
                dh.add_(held)
        d_weight = d_projected.view(-1, size).t() @ hidden[:-1].reshape(-1, size)
        return d_projected, dh, d_weight, None, None


class ElmanLayer(RecurrentLayer):
    """A layer of Elman's simple recurrent network.

    With x_t the input, h the state and phi one of tanh, sigmoid and ReLU:

        h_t = phi(W x_t + U h_{t-1} + b)

    W and b are `input_projection`, U is `recurrent_projection`, as in `torch.nn.RNN` (its two
    biases add up to b; it has no sigmoid).

    Args:
        input_size: width of the input vectors.
        hidden_size: width of the state.
        activation: the name of phi, a key of `ACTIVATIONS`.
        **options: `recurrent_dropout` and `backend` of `RecurrentLayer`.

    Raises:
        ValueError: no such activation, or the library backend asked for a sigmoid.

    Shape:
        x: (batch, length, input_size); h: (batch, hidden_size).

    Reference:
        Elman 1990; as a language model, Mikolov et al. 2010.
    """

    gates = 1
    components = 1

    def __init__(
        self, input_size: int, hidden_size: int, activation: str = "tanh", **options: Any
    ) -> None:
        super().__init__(input_size, hidden_size, **options)
        if activation not in ACTIVATIONS:
            raise ValueError(f"activation {activation!r} is none of {sorted(ACTIVATIONS)}")
        if activation == "sigmoid" and self.backend == "torch":
            raise ValueError('torch has no sigmoid recurrence: use backend="native"')
        self.activation = activation

    def reference_sequence(
        self, projected: Tensor, state: State, weight: Tensor, mask: Tensor | None
    ) -> State:
        """The equation step by step under autograd. Shapes as in `run_steps`."""
        phi = self.activation
        return run_steps(lambda a, s: (elman_step(a, s[0], weight, phi),), projected, state, mask)

    def fast_sequence(
        self, projected: Tensor, state: State, weight: Tensor, mask: Tensor | None
    ) -> State:
        """`ElmanSequence` on this layer's weights. Shapes as in `run_steps`."""
        return (ElmanSequence.apply(projected, *state, weight, mask, self.activation),)

    def library_sequence(self, x: Tensor, state: State, weight: Tensor) -> tuple[Tensor, State]:
        """`torch.rnn_tanh` or `torch.rnn_relu`. Shapes as in `forward`."""
        kernel = torch.rnn_tanh if self.activation == "tanh" else torch.rnn_relu
        bias = self.input_projection.bias
        weights = [self.input_projection.weight, weight, bias, torch.zeros_like(bias)]
        start = state[0].unsqueeze(0)
        output, h = kernel(x, start, weights, True, 1, 0.0, self.training, False, True)
        return output, (h.transpose(0, 1),)
