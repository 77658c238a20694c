"""What a recurrent layer is, and the case of a dense recurrent matrix.

`RecurrentLayer` is the contract that the models are written against: any recurrence that keeps it
becomes a language model. `DenseRecurrence` is a recurrence whose step multiplies the state by a
matrix U: Elman's, the LSTM and the GRU, whose equations are in the files of their names.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..kernels.dispatch import library_takes
from ..kernels.readable_weights import linear_map, readable
from .dropout import drop

State = tuple[Tensor, ...]
Step = Callable[[Tensor, State], State]
Cell = Callable[[dict[str, Tensor], Tensor, State], State]


class RecurrentLayer(nn.Module):
    """The contract of a recurrent layer.

    A subclass says how wide its state is, computes a sequence from a state in `forward`, and draws
    its weights in `reset_parameters`. Everything else follows: a carried state in training, cached
    generation with beams and padding, saving, ONNX.

    Args:
        input_size: Width of the input vectors.
        hidden_size: Width of the output vectors.

    Shape:
        input: (batch, length, input_size); output: (batch, length, hidden_size).
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size

    @property
    def state_shapes(self) -> tuple[tuple[int, ...], ...]:
        """The shape of each tensor of the state, without the batch."""
        raise NotImplementedError

    def reset_parameters(self) -> None:
        """Draw the weights, with the functions of `torch.nn.init`."""
        raise NotImplementedError

    def forward(
        self,
        x: Tensor,
        state: State | None = None,
        mask: Tensor | None = None,
        every_step: bool = False,
    ) -> tuple[Tensor, State]:
        """Run the recurrence over a sequence.

        Args:
            x: The input vectors.
            state: The state before the first step; `initial_state` by default.
            mask: non-zero at tokens, zero at padding. At padding the state stays as it is, so that
                a padded row ends in the same state as an unpadded one.
            every_step: Return the state after every step rather than after the last one alone.

        Returns:
            The output h_1 .. h_T, and the state.

        Shape:
            x: (batch, length, input_size); state: (batch, *state_shape) each;
            mask: (batch, length); output: (batch, length, hidden_size);
            state returned: (batch, 1 or length, *state_shape) each.
        """
        raise NotImplementedError

    def initial_state(self, x: Tensor) -> State:
        """The state before the first token: zeros. Shape: (batch, *state_shape) each."""
        return tuple(x.new_zeros(x.shape[0], *shape) for shape in self.state_shapes)


def time_first(x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """The vectors and the mask of a batch as `run_steps` takes them.

    Shape:
        x: (batch, length, size); mask: (batch, length); results: (length, batch, size) and
        (length, batch, 1).
    """
    return x.transpose(0, 1), None if mask is None else mask.t().unsqueeze(-1).bool()


def batch_first(history: State, every_step: bool) -> tuple[Tensor, State]:
    """What `run_steps` gave as `RecurrentLayer.forward` returns it; the output is its first tensor.

    Shape:
        history: (length, batch, *state_shape) each; results as in `RecurrentLayer.forward`.
    """
    history = tuple(component.transpose(0, 1) for component in history)
    return history[0], history if every_step else tuple(part[:, -1:] for part in history)


def run_steps(step: Step, a_x: Tensor, state: State, mask: Tensor | None) -> State:
    """Apply a step along time; at padding the state stays as it is.

    Args:
        step: Maps the input product of one time step and a state to the next state.
        a_x: The input products of all time steps.
        state: The state before the first step.
        mask: True at tokens, false at padding; `None` if there is no padding.

    Returns:
        The state after every step.

    Shape:
        a_x: (length, batch, size); state: (batch, *state_shape) each; mask: (length, batch, 1);
        result: (length, batch, *state_shape) each.
    """
    if torch.compiler.is_exporting():
        return _scanned_steps(step, a_x, state, mask)
    history: list[State] = []
    for time in range(a_x.shape[0]):
        new = step(a_x[time], state)  # (batch, *state_shape) each
        state = new if mask is None else _where_token(mask[time], new, state)
        history.append(state)
    return tuple(torch.stack(component) for component in zip(*history, strict=True))


def _scanned_steps(step: Step, a_x: Tensor, state: State, mask: Tensor | None) -> State:
    """`run_steps` as one operator, for any length: an exporter would unroll the loop for one."""
    from torch._higher_order_ops.scan import scan

    def combine(old: State, inputs: tuple[Tensor, ...]) -> tuple[State, State]:
        new = step(inputs[0], old)
        new = new if mask is None else _where_token(inputs[1], new, old)
        return new, tuple(component.clone() for component in new)  # no tensor twice

    inputs = (a_x,) if mask is None else (a_x, mask)
    _, history = scan(combine, tuple(component.clone() for component in state), inputs)
    return history


def _where_token(token: Tensor, new: State, old: State) -> State:
    """The new state of each row that has a token, the old one of each that has padding.

    Shape:
        token: (batch, 1); new, old, result: (batch, *state_shape) each.
    """
    return tuple(
        torch.where(token.view(-1, *[1] * (n.ndim - 1)), n, o)
        for n, o in zip(new, old, strict=True)
    )


class DenseRecurrence(RecurrentLayer):
    """A recurrence with a dense matrix U; the base of `ElmanLayer`, `LSTMLayer` and `GRULayer`.

    The input products W x_t + b of all time steps are one matrix product before the loop. What a
    subclass adds is its `step`; a faster way to all steps is `fast_sequence`.

    Args:
        input_size: Width of the input vectors.
        hidden_size: Width of the state.
        recurrent_dropout: Probability with which an entry of U is dropped for a whole sequence
            while training (DropConnect; Merity et al. 2018 call it weight drop).
        backend: "native" runs our own fast path, "torch" the library's kernel with the same
            weights, "auto" the faster one (`kernels.dispatch.library_is_faster`). A padded batch,
            or a call for the state after every step, always runs the native path: the library has
            neither. Projections that are wrapped or hooked are called step by step
            (`kernels.readable_weights`).

    Shape:
        input: (batch, length, input_size); output: (batch, length, hidden_size).
    """

    gates: int
    """How many blocks of `hidden_size` rows W and U have."""
    components: int
    """How many tensors make a state: 1 for h, 2 for h and c."""
    recurrent_bias: bool = False
    """Whether the recurrent product has a bias of its own (the GRU's candidate needs it)."""
    name: str = ""
    """What `kernels.dispatch` calls the recurrence."""
    in_library: bool = False
    """Whether there is a `library_sequence`."""
    cell: Cell | None = None
    """What computes a step in place of `step`: from the weights W, U, b (and b_h, if there is one),
    the input x_t and the state. It is no part of a saved model."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        recurrent_dropout: float = 0.0,
        backend: str = "auto",
    ) -> None:
        super().__init__(input_size, hidden_size)
        self.recurrent_dropout = recurrent_dropout
        self.backend = backend
        rows = self.gates * hidden_size
        self.input_projection = nn.Linear(input_size, rows)
        self.recurrent_projection = nn.Linear(hidden_size, rows, bias=self.recurrent_bias)

    @property
    def state_shapes(self) -> tuple[tuple[int, ...], ...]:
        """A vector of `hidden_size` for each component."""
        return ((self.hidden_size,),) * self.components

    def reset_parameters(self) -> None:
        """Draw W and U uniformly within 1 / sqrt(hidden_size); the biases are 0."""
        bound = self.hidden_size**-0.5
        for projection in (self.input_projection, self.recurrent_projection):
            nn.init.uniform_(projection.weight, -bound, bound)
            if projection.bias is not None:
                nn.init.zeros_(projection.bias)

    def forward(
        self,
        x: Tensor,
        state: State | None = None,
        mask: Tensor | None = None,
        every_step: bool = False,
    ) -> tuple[Tensor, State]:
        """Run the recurrence; see `RecurrentLayer.forward`."""
        state = self.initial_state(x) if state is None else state
        if self.cell is not None:
            return batch_first(self._cell_sequence(self.cell, x, state, mask), every_step)
        own = readable(self.recurrent_projection)
        by_library = self.backend_for(x) == "torch" and mask is None and not every_step
        if by_library and own and readable(self.input_projection):
            start = tuple(component.to(x.dtype) for component in state)
            return self.library_sequence(x, start, self._dropped(self.recurrent_projection.weight))
        x, mask = time_first(x, mask)
        x = x.contiguous()  # else torch adds b in a pass of its own
        a_x = self.input_projection(x)  # (length, batch, gates * hidden_size)
        state = tuple(component.to(a_x.dtype) for component in state)
        if not own:
            return batch_first(self._called_sequence(a_x, state, mask), every_step)
        U: Tensor = self.recurrent_projection.weight  # (gates * hidden_size, hidden_size)
        U = self._dropped(U).to(a_x.dtype)
        sequence = self.fast_sequence
        if torch.compiler.is_compiling():
            sequence = self.reference_sequence
        return batch_first(sequence(a_x, state, U, mask), every_step)

    def backend_for(self, x: Tensor) -> str:
        """What computes such a batch without padding in the current mode: "native" or "torch".

        Shape:
            x: (batch, length, input_size).
        """
        if self.backend != "auto":
            return self.backend
        faster = self.in_library and library_takes(self.name, x, self.hidden_size)
        return "torch" if faster else "native"

    def step(self, a_x: Tensor, u: Tensor, state: State) -> State:
        """The equation of one time step.

        Args:
            a_x: W x_t + b, the input product.
            u: U h_{t-1}, the recurrent product, with its bias if there is one.
            state: The state before the step.

        Returns:
            The state after it, the output h_t first.

        Shape:
            a_x, u: (batch, gates * hidden_size); state, result: (batch, hidden_size) each.
        """
        raise NotImplementedError

    def reference_sequence(
        self, a_x: Tensor, state: State, U: Tensor, mask: Tensor | None
    ) -> State:
        """All steps one by one, under autograd. Shapes as in `run_steps`."""
        b_h: Tensor | None = self.recurrent_projection.bias
        b_h = None if b_h is None else b_h.to(a_x.dtype)
        return run_steps(
            lambda a, s: self.step(a, functional.linear(s[0], U, b_h), s), a_x, state, mask
        )

    def _cell_sequence(self, cell: Cell, x: Tensor, state: State, mask: Tensor | None) -> State:
        """All steps one by one, by `cell`. Shapes as in `forward`; result as in `run_steps`."""
        weights = {
            "W": self.input_projection.weight,
            "U": self._dropped(self.recurrent_projection.weight),
            "b": self.input_projection.bias,
        }
        if self.recurrent_bias:
            weights["b_h"] = self.recurrent_projection.bias
        x, mask = time_first(x, mask)
        return run_steps(partial(cell, weights), x, state, mask)

    def _called_sequence(self, a_x: Tensor, state: State, mask: Tensor | None) -> State:
        """All steps one by one, by calls of `recurrent_projection`. Shapes as in `run_steps`.

        Only weight drop needs the entries of U, and reads those of the linear map that it is.
        """
        recur: Callable[[Tensor], Tensor] = self.recurrent_projection
        if self.training and self.recurrent_dropout:
            U, b_h = linear_map(self.recurrent_projection, state[0], self.hidden_size)
            recur = partial(functional.linear, weight=self._dropped(U), bias=b_h)
        return run_steps(lambda a, s: self.step(a, recur(s[0]), s), a_x, state, mask)

    def _dropped(self, U: Tensor) -> Tensor:
        """U after weight drop; one mask for the whole sequence."""
        return drop(U, self.recurrent_dropout) if self.training else U

    def fast_sequence(self, a_x: Tensor, state: State, U: Tensor, mask: Tensor | None) -> State:
        """All steps by a faster way to the same values. Shapes as in `run_steps`."""
        return self.reference_sequence(a_x, state, U, mask)

    def library_sequence(self, x: Tensor, state: State, U: Tensor) -> tuple[Tensor, State]:
        """All steps by the library's own kernel. Shapes as in `RecurrentLayer.forward`."""
        raise NotImplementedError(f'torch has no {type(self).__name__}: use backend="native"')

    def extra_repr(self) -> str:
        """The settings that the submodules do not show."""
        return f"recurrent_dropout={self.recurrent_dropout}, backend={self.backend!r}"
