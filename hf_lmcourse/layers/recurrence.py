"""What every recurrent layer shares: projections, masks, the choice of path. Not the equation.

An equation stands once, in the file of its own name (`elman.py`, `lstm.py`, `gru.py`), as

- a *step* that reads like the paper and is differentiated by autograd: the reference;
- a *sequence*, an `autograd.Function` whose backward pass is written by hand: the fast path; for
  the gated ones the same stands once more in C++ (recurrence.h).

Both take the input products of all time steps, computed as one matrix product before the loop.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["RecurrentLayer", "State", "run_steps"]

State = tuple[Tensor, ...]
Step = Callable[[Tensor, State], State]


def run_steps(step: Step, projected: Tensor, state: State, mask: Tensor | None) -> State:
    """Apply a step along time, holding the state where the mask is false.

    Args:
        step: maps the projected input of one time step and a state to the next state.
        projected: the input products of all time steps.
        state: the state before the first step, one tensor a component (h, or h and c).
        mask: true where a token is real; `None` where all are.

    Returns:
        The state after every step, one tensor a component.

    Shape:
        projected: (length, batch, gates * hidden_size); state: (batch, hidden_size) each;
        mask: (length, batch, 1); result: (length, batch, hidden_size) each.
    """
    if torch.compiler.is_exporting():
        return _scanned_steps(step, projected, state, mask)
    history: list[State] = []
    for time in range(projected.shape[0]):
        new = step(projected[time], state)
        if mask is not None:
            keep = mask[time]
            new = tuple(torch.where(keep, n, o) for n, o in zip(new, state, strict=True))
        state = new
        history.append(state)
    return tuple(torch.stack(component) for component in zip(*history, strict=True))


def _scanned_steps(step: Step, projected: Tensor, state: State, mask: Tensor | None) -> State:
    """`run_steps` as one operator, for any length: an exporter would unroll the loop for one."""
    from torch._higher_order_ops.scan import scan

    def combine(old: State, inputs: tuple[Tensor, ...]) -> tuple[State, State]:
        new = step(inputs[0], old)
        if mask is not None:
            new = tuple(torch.where(inputs[1], n, o) for n, o in zip(new, old, strict=True))
        return new, tuple(component.clone() for component in new)  # no tensor twice

    inputs = (projected,) if mask is None else (projected, mask)
    _, history = scan(combine, tuple(component.clone() for component in state), inputs)
    return history


class RecurrentLayer(nn.Module):
    """One recurrent layer over a whole sequence; the base of `ElmanLayer`, `LSTMLayer`, `GRULayer`.

    Args:
        input_size: width of the input vectors.
        hidden_size: width of the state.
        recurrent_dropout: probability with which an entry of the recurrent matrix is dropped for a
            whole sequence while training (DropConnect; Merity et al. 2018 call it weight drop).
        backend: "native" runs our own fast path, "torch" the library's kernel with the same
            weights. A padded batch, or a call that asks for the state after every step, always
            runs the native path: the library has neither.

    Shape:
        input: (batch, length, input_size); output: (batch, length, hidden_size).
    """

    gates: int
    """How many blocks of `hidden_size` rows the two projections have."""
    components: int
    """How many tensors make a state: 1 for h, 2 for h and c."""
    recurrent_bias: bool = False
    """Whether the recurrent product has a bias of its own (the GRU's candidate needs it)."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        recurrent_dropout: float = 0.0,
        backend: str = "native",
    ) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.recurrent_dropout = recurrent_dropout
        self.backend = backend
        rows = self.gates * hidden_size
        self.input_projection = nn.Linear(input_size, rows)
        self.recurrent_projection = nn.Linear(hidden_size, rows, bias=self.recurrent_bias)

    def forward(
        self,
        x: Tensor,
        state: State | None = None,
        mask: Tensor | None = None,
        every_step: bool = False,
    ) -> tuple[Tensor, State]:
        """Run the recurrence over a sequence.

        Args:
            x: the input vectors.
            state: the state before the first step; zeros where `None`.
            mask: non-zero where a token is real. At other places the state is held, so that a
                padded row ends in the same state as an unpadded one.
            every_step: return the state after every step rather than after the last one alone.

        Returns:
            The output h_1 .. h_T, and the state.

        Shape:
            x: (batch, length, input_size); state: (batch, hidden_size) each; mask: (batch, length);
            output: (batch, length, hidden_size); state returned: (batch, 1 or length, hidden_size).

        Raises:
            NotImplementedError: the weights are offloaded. They are read without a call that could
                bring them back.
        """
        weight = self.recurrent_projection.weight
        if weight.is_meta and not x.is_meta:
            raise NotImplementedError(
                f"the weights of {type(self).__name__} are offloaded: load the model whole, "
                "without device_map, or with one that keeps its layers in memory"
            )
        weight = functional.dropout(weight, self.recurrent_dropout, self.training)
        if state is None:
            zeros = x.new_zeros(x.shape[0], self.hidden_size)
            state = (zeros,) * self.components
        if self.backend == "torch" and mask is None and not every_step:
            return self.library_sequence(x, state, weight)
        projected = self.input_projection(x.transpose(0, 1))
        weight = weight.to(projected.dtype)
        state = tuple(component.to(projected.dtype) for component in state)
        steps_mask = None if mask is None else mask.t().unsqueeze(-1).bool()
        if torch.compiler.is_compiling():
            history = self.reference_sequence(projected, state, weight, steps_mask)
        else:
            history = self.fast_sequence(projected, state, weight, steps_mask)
        output, *_ = history = tuple(component.transpose(0, 1) for component in history)
        return output, history if every_step else tuple(h[:, -1:] for h in history)

    def reference_sequence(
        self, projected: Tensor, state: State, weight: Tensor, mask: Tensor | None
    ) -> State:
        """The equations step by step under autograd. Shapes as in `run_steps`."""
        raise NotImplementedError

    def fast_sequence(
        self, projected: Tensor, state: State, weight: Tensor, mask: Tensor | None
    ) -> State:
        """The same values with a backward pass written by hand. Shapes as in `run_steps`."""
        raise NotImplementedError

    def library_sequence(self, x: Tensor, state: State, weight: Tensor) -> tuple[Tensor, State]:
        """The same values by torch's own kernel. Shapes as in `forward`."""
        raise NotImplementedError

    def extra_repr(self) -> str:
        """The settings that the submodules do not show."""
        return f"recurrent_dropout={self.recurrent_dropout}, backend={self.backend!r}"
