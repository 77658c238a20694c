"""Which computation a recurrence takes: C++ if it can be compiled, torch, or the library's.

All of them take the same weights and have the same values; the layers' own steps are the reference
that each is tested against.
"""

import os
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .build import is_plain, kernel, kernel_function
from .elman_sequence import ElmanSequence
from .gru_cpp import CompiledGRUSequence
from .gru_sequence import GRUSequence
from .lstm_cpp import CompiledLSTMSequence
from .lstm_sequence import LSTMSequence
from .processor import has_amx, has_avx2_alone, multiplies_bfloat16

_State = tuple[Tensor, ...]

_LEAST_STEPS = 8
"""A kernel packs U before the first step, which does not pay for itself in a few steps."""
_NARROW, _WIDE = 128, 256
"""Up to these widths the library's LSTM is the faster one in few steps, with a gradient and
without; the narrower one also bounds where its recurrence of Elman is."""
_MANY_OF_FEW = 4
"""Of so many steps at least, the library's LSTM is the faster one without a gradient at any
width."""
_MULTIPLIED = (torch.float32, torch.bfloat16)
"""What kernels of either kind multiply."""
_SEQUENCES = 8
"""From how many on the library's LSTM is the faster one in inference with AVX-512, and in one step
without."""
_LITTLE_WORK = 20
"""From how many on, if they are of one step, or of narrow states, in float32."""
_TILED, _UNITS_PER_SEQUENCE = 512, 32
"""Least width of a state, and least multiple of the batch, for which ours is, in tiles of AMX."""


def elman_sequence(
    a_x: Tensor, state: _State, U: Tensor, mask: Tensor | None, activation: str
) -> _State:
    """All steps of Elman's recurrence. Shapes as in `ElmanSequence`."""
    return (ElmanSequence.apply(a_x, *state, U, mask, activation),)


def lstm_sequence(
    a_x: Tensor, state: _State, U: Tensor, mask: Tensor | None, capped: bool = False
) -> _State:
    """All steps of the LSTM. Shapes as in `LSTMSequence`."""
    if can_compile("lstm", a_x, state[0]):
        return CompiledLSTMSequence.apply(a_x, *state, U, mask, torch.is_grad_enabled(), capped)
    return LSTMSequence.apply(a_x, *state, U, mask, capped)


def gru_sequence(a_x: Tensor, state: _State, U: Tensor, b_h: Tensor, mask: Tensor | None) -> _State:
    """All steps of the GRU. Shapes as in `GRUSequence`."""
    if can_compile("gru", a_x, state[0]):
        return (CompiledGRUSequence.apply(a_x, *state, U, b_h, mask, torch.is_grad_enabled()),)
    return (GRUSequence.apply(a_x, *state, U, b_h, mask),)


def can_compile(cell: str, a_x: Tensor, h: Tensor) -> bool:
    """Whether there is a kernel for these steps, and enough of them."""
    length, batch, _ = a_x.shape
    if batch == 0 or length < _LEAST_STEPS:
        return False
    return kernel_function(f"{cell}_kernel", f"{cell}_forward", a_x, h.shape[1]) is not None


def library_takes(cell: str, x: Tensor, hidden_size: int) -> bool:
    """Whether the library's kernel of a recurrence is the faster one for these input vectors.

    On a processor that is `library_is_faster` for what this call computes in: autocast's dtype, and
    with a gradient or without; if ours cannot be compiled, the library has the LSTM of many
    steps. Where bfloat16 is not multiplied, the library takes it, to compute in float32.
    All of it is ours under torch.compile and with LMCOURSE_KERNELS=0.

    Shape:
        x: (batch, length, input_size).
    """
    batch, length, _ = x.shape
    if torch.compiler.is_compiling() or length == 0:
        return False
    if x.is_cuda:
        return True
    if not is_plain(x) or os.environ.get("LMCOURSE_KERNELS") == "0":
        return False
    if _is_only_stored(x):
        return True
    dtype = _computed_in(x)
    if cell == "lstm" and length >= _LEAST_STEPS and kernel("lstm_kernel") is None:
        return dtype in _MULTIPLIED
    gradient = torch.is_grad_enabled()
    return library_is_faster(cell, batch, length, hidden_size, dtype, gradient)


def library_is_faster(
    cell: str, batch: int, length: int, hidden_size: int, dtype: torch.dtype, gradient: bool
) -> bool:
    """Whether the library's kernel of a recurrence is the faster one on this processor.

    The rule is what `scripts/benchmark.py` found: its `recurrent_layers`, and its grid `backends`,
    on an AMD EPYC with AVX-512, an Intel Xeon with AMX and an AMD EPYC with AVX2 alone; the numbers
    are in results/benchmark_recurrent_layers.*.json and results/benchmark_backends.*.json.

    With a gradient ours are the faster ones. Without one the library's LSTM keeps less, and wins
    with AVX-512 from a handful of sequences, or a score of narrow ones in float32; in bfloat16 with
    AMX, not where the state is wide and the sequences are few, so that most of the time goes to
    products, which our tiles compute faster. Our GRU is the faster one. So is Elman's recurrence,
    which is the same either way, but for the few calls of torch around it: in float32 they show
    where the sequences are few or the state is narrow, and with AVX2 alone everywhere. Few steps,
    which no kernel of ours takes, are in `_wins_in_few_steps`.

    Args:
        cell: "elman", "lstm" or "gru".
        batch: How many sequences.
        length: How many time steps.
        hidden_size: Width of the state.
        dtype: Of the products.
        gradient: Whether a backward pass may follow.
    """
    if dtype not in _MULTIPLIED:
        return False
    bf16 = dtype == torch.bfloat16
    if length < _LEAST_STEPS:
        return _wins_in_few_steps(cell, batch, length, hidden_size, bf16, gradient)
    if gradient or cell == "gru":
        return False
    if cell == "elman":
        return not bf16 and (batch < _SEQUENCES or hidden_size <= _NARROW or has_avx2_alone())
    if has_avx2_alone():
        return False
    if bf16 and has_amx() and hidden_size >= max(_TILED, _UNITS_PER_SEQUENCE * batch):
        return False
    return batch >= (_SEQUENCES if bf16 or hidden_size > _NARROW else _LITTLE_WORK)


def _wins_in_few_steps(
    cell: str, batch: int, length: int, hidden_size: int, bf16: bool, gradient: bool
) -> bool:
    """Whether the library is faster where no kernel of ours runs: see `library_is_faster`.

    What it says of two to seven steps was tried on the EPYC alone, and is in no result file: the
    grid has one step, and then 32.

    With a gradient, in one step of the GRU, in one or two of Elman's, and in the LSTM if the state
    is narrow. Without one, in the GRU and Elman's always, and in the LSTM if the state is narrow or
    the steps are not so few; a single step in float32 is ours unless the sequences are many, which
    with AVX2 alone is a handful, of any width.
    """
    if cell == "gru":
        return not gradient or length == 1
    if cell == "elman":
        return not gradient or length <= 2
    more_than_one = bf16 or length > 1
    if gradient:
        return hidden_size <= _NARROW and more_than_one
    if length >= _MANY_OF_FEW:
        return True
    if has_avx2_alone() and length == 1:
        return batch >= _SEQUENCES
    return hidden_size <= _WIDE and (more_than_one or batch >= _LITTLE_WORK)


def _computed_in(x: Tensor) -> torch.dtype:
    """The dtype of what our layers make of such vectors: autocast's, if it casts them."""
    device = x.device.type
    autocast = torch.is_autocast_enabled(device) and x.dtype == torch.float32
    return torch.get_autocast_dtype(device) if autocast else x.dtype


def _is_only_stored(x: Tensor) -> bool:
    """Whether a layer's outputs are in bfloat16 and the processor does not multiply it."""
    on_processor = x.device.type == "cpu"
    return on_processor and _computed_in(x) == torch.bfloat16 and not multiplies_bfloat16()


def _run(
    sequence: Callable[..., Any], x: Tensor, start: Any, weights: list[Tensor], training: bool
) -> Any:
    """One layer in one direction by a function of the library; with its arguments and values."""
    options = (True, 1, 0.0, training, False, True)
    if not _is_only_stored(x):
        return sequence(x, start, weights, *options)
    dtype = _computed_in(x)
    with torch.autocast("cpu", enabled=False):
        start = tuple(s.float() for s in start) if isinstance(start, tuple) else start.float()
        values = sequence(x.float(), start, [weight.float() for weight in weights], *options)
    return tuple(value.to(dtype) for value in values)


def library_elman(
    x: Tensor, state: _State, W: Tensor, U: Tensor, b: Tensor, activation: str, training: bool
) -> tuple[Tensor, _State]:
    """`torch.rnn_tanh` or `torch.rnn_relu`, the kernels of `torch.nn.RNN`.

    Shape:
        x: (batch, length, input_size); state: (batch, hidden_size) each; output: (batch, length,
        hidden_size); state returned: (batch, 1, hidden_size) each.
    """
    run = torch.rnn_tanh if activation == "tanh" else torch.rnn_relu
    weights = [W, U, b, torch.zeros_like(b)]
    output, h = _run(run, x, state[0].unsqueeze(0), weights, training)
    return output, (h.transpose(0, 1),)


def library_lstm(
    x: Tensor, state: _State, W: Tensor, U: Tensor, b: Tensor, training: bool
) -> tuple[Tensor, _State]:
    """`torch.lstm`, the kernel of `torch.nn.LSTM`. Shapes as in `library_elman`."""
    weights = [W, U, b, torch.zeros_like(b)]
    start = tuple(component.unsqueeze(0) for component in state)
    output, h, c = _run(torch.lstm, x, start, weights, training)
    return output, (h.transpose(0, 1), c.transpose(0, 1))


def library_gru(
    x: Tensor, state: _State, W: Tensor, U: Tensor, b: Tensor, b_h: Tensor, training: bool
) -> tuple[Tensor, _State]:
    """`torch.gru`, the kernel of `torch.nn.GRU`. Shapes as in `library_elman`.

    Autocast on a processor casts its products alone, so the results are cast here.
    """
    output, h = _run(torch.gru, x, state[0].unsqueeze(0), [W, U, b, b_h], training)
    return output.to(_computed_in(x)), (h.transpose(0, 1).to(_computed_in(x)),)
