"""The compiled recurrences equal those in torch, which serve where there is no compiler."""

import math
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from hf_lmcourse.kernels import build
from hf_lmcourse.kernels.dispatch import can_compile
from hf_lmcourse.kernels.gru_cpp import CompiledGRUSequence
from hf_lmcourse.kernels.gru_sequence import GRUSequence
from hf_lmcourse.kernels.lstm_cpp import CompiledLSTMSequence
from hf_lmcourse.kernels.lstm_sequence import LSTMSequence
from hf_lmcourse.kernels.processor import has_amx
from hf_lmcourse.layers.gru import GRULayer
from hf_lmcourse.layers.lstm import LSTMLayer
from hf_lmcourse.layers.recurrence import RecurrentLayer

from .roads import compiled_for, road, tiles_or_vectors
from .threads import num_threads

__all__ = ["road"]

needs_compiler = pytest.mark.skipif(
    build.kernel("lstm_kernel") is None, reason="there is no C++ compiler"
)

Sequence = Callable[..., Tensor | tuple[Tensor, ...]]


@dataclass
class Cell:
    """A recurrence in C++ and in torch."""

    name: str
    in_cpp: Sequence
    in_torch: Sequence
    layer: Callable[..., RecurrentLayer]

    def compiled_for_training(self, *arguments: Tensor | None) -> Tensor | tuple[Tensor, ...]:
        return self.in_cpp(*arguments, True)

    def draw(self, length: int, batch: int, size: int, scale: float = 1.0) -> list[Tensor]:
        """The arguments but the mask, so small that rounding errors do not grow with the steps."""
        generator = torch.Generator().manual_seed(length + 100 * batch + 10_000 * size)
        layer: Any = self.layer(1, 1)
        rows = layer.gates * size
        shapes = [(length, batch, rows)] + layer.components * [(batch, size)]
        inputs = [scale * torch.randn(*shape, generator=generator) for shape in shapes]
        U = torch.randn(rows, size, generator=generator) / math.sqrt(size)
        bias = [torch.randn(rows, generator=generator)] if layer.recurrent_bias else []
        return [*inputs, U, *bias]


LSTM = Cell("lstm", CompiledLSTMSequence.apply, LSTMSequence.apply, LSTMLayer)
GRU = Cell("gru", CompiledGRUSequence.apply, GRUSequence.apply, GRULayer)
CAPPED = Cell(
    "lstm",
    lambda *arguments: CompiledLSTMSequence.apply(*arguments, True),
    lambda *arguments: LSTMSequence.apply(*arguments, True),
    partial(LSTMLayer, capped_input_gate=True),
)
cells = st.sampled_from([LSTM, GRU])
each_cell = pytest.mark.parametrize("cell", [LSTM, GRU], ids=lambda cell: cell.name)


@pytest.fixture
def no_kernel_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As in a process that has not asked for a kernel, with an empty cache folder."""
    monkeypatch.setenv("LMCOURSE_CACHE", str(tmp_path))
    build.kernel.cache_clear()
    yield
    build.kernel.cache_clear()


@pytest.fixture
def small_kernel(
    no_kernel_yet: None, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> str:
    """The name of a kernel that is compiled in no time, as the only one next to build.py."""
    folder = tmp_path_factory.mktemp("sources")
    (folder / "small_kernel.cpp").write_text('extern "C" int answer() { return 42; }\n')
    monkeypatch.setattr(build, "__file__", str(folder / "build.py"))
    return "small_kernel"


def as_tuple(history: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return (history,) if isinstance(history, Tensor) else history


def outcome(
    run: Sequence, tensors: list[Tensor], mask: Tensor | None, parts: tuple[bool, bool]
) -> list[Tensor]:
    """The states, and the gradients of a sum in which every entry weighs something else.

    The sum holds h and c where `parts` says so, and h where the cell has no c.
    """
    leaves = [tensor.clone().requires_grad_() for tensor in tensors]
    history = as_tuple(run(*leaves, mask))
    total = torch.zeros((), dtype=leaves[0].dtype)
    for component, counts in zip(history, parts if len(history) == 2 else [True], strict=True):
        if counts:
            weights = torch.linspace(-1, 2, component.numel(), dtype=total.dtype)
            total = total + (component * weights.view_as(component)).sum()
    return [*history, *torch.autograd.grad(total, leaves)]


def some_mask(length: int, batch: int, seed: int) -> Tensor:
    return torch.rand(length, batch, 1, generator=torch.Generator().manual_seed(seed)) < 0.7


@needs_compiler
@settings(max_examples=60, deadline=None)
@given(
    cell=cells,
    length=st.integers(1, 6),
    batch=st.integers(1, 14),
    size=st.integers(1, 150),
    masked=st.booleans(),
    parts=st.sampled_from([(True, True), (True, False), (False, True)]),
    threads=st.integers(1, 3),
)
def test_values_and_gradients_are_those_of_the_sequence_in_float64(
    cell: Cell,
    length: int,
    batch: int,
    size: int,
    masked: bool,
    parts: tuple[bool, bool],
    threads: int,
) -> None:
    tensors = cell.draw(length, batch, size)
    mask = some_mask(length, batch, size) if masked else None
    with num_threads(threads):
        found = outcome(cell.compiled_for_training, tensors, mask, parts)
    expected = outcome(cell.in_torch, [tensor.double() for tensor in tensors], mask, parts)
    for actual, reference in zip(found, expected, strict=True):
        scale = reference.norm().clamp(min=1e-3)
        assert (actual.double() - reference).norm() / scale < 1e-5


@needs_compiler
@each_cell
@pytest.mark.parametrize("size", [17, 150])
def test_many_rows_are_those_of_one_thread(cell: Cell, size: int) -> None:
    tensors = cell.draw(9, 100, size)
    mask = some_mask(9, 100, size)
    outcomes = []
    for threads in (1, 2, 3):  # which share the rows, or the units
        with num_threads(threads):
            outcomes.append(outcome(cell.compiled_for_training, tensors, mask, (True, True)))
    reference = outcome(cell.in_torch, [tensor.double() for tensor in tensors], mask, (True, True))
    for found in outcomes:
        for actual, expected in zip(found, reference, strict=True):
            assert (actual.double() - expected).norm() / expected.norm() < 1e-5
        assert torch.equal(found[0], outcomes[0][0])


@needs_compiler
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(("length", "batch", "size"), [(9, 3, 5), (12, 14, 33), (8, 1, 64)])
def test_a_capped_gate_is_that_of_the_sequence_in_float64(
    length: int, batch: int, size: int, masked: bool
) -> None:
    tensors = CAPPED.draw(length, batch, size)
    mask = some_mask(length, batch, size) if masked else None
    found = outcome(CAPPED.compiled_for_training, tensors, mask, (True, True))
    doubles = [tensor.double() for tensor in tensors]
    expected = outcome(CAPPED.in_torch, doubles, mask, (True, True))
    plain = outcome(LSTM.in_torch, doubles, mask, (True, True))
    for actual, reference, other in zip(found, expected, plain, strict=True):
        scale = reference.norm().clamp(min=1e-3)
        assert (actual.double() - reference).norm() / scale < 1e-5
        assert (other - reference).norm() / scale > 1e-2, "the cap is met"


@tiles_or_vectors
@needs_compiler
@settings(max_examples=20, deadline=None)
@given(
    cell=st.sampled_from([LSTM, GRU, CAPPED]),
    batch=st.integers(1, 40),
    size=st.integers(1, 40).map(lambda n: 2 * n),
    masked=st.booleans(),
    threads=st.integers(1, 2),
)
def test_bfloat16_is_nearer_to_float64_than_the_sequence_in_torch(
    road: str, cell: Cell, batch: int, size: int, masked: bool, threads: int
) -> None:
    if not hasattr(build.kernel("lstm_kernel"), "lstm_forward_bfloat16"):
        pytest.skip("this processor does not multiply bfloat16")
    tensors = [tensor.bfloat16() for tensor in cell.draw(9, batch, size, scale=0.5)]
    mask = some_mask(9, batch, size) if masked else None
    both = (True, True)
    expected = outcome(cell.in_torch, [tensor.double() for tensor in tensors], mask, both)
    with num_threads(threads):
        outcomes = [
            outcome(run, tensors, mask, both) for run in (cell.compiled_for_training, cell.in_torch)
        ]
    errors = [
        [
            ((actual.double() - reference).norm() / reference.norm().clamp(min=1e-3)).item()
            for actual, reference in zip(found, expected, strict=True)
        ]
        for found in outcomes
    ]
    # At a cap the gradient jumps, and a value that rounds to the other side has the other gradient.
    assert max(errors[0]) < (0.1 if cell is CAPPED else 0.02)
    assert sum(errors[0]) < sum(errors[1])


@pytest.mark.skipif(not has_amx(), reason="this processor has no AMX")
@needs_compiler
@each_cell
def test_tiles_and_vectors_are_two_computations_of_the_same(cell: Cell) -> None:
    tensors = [tensor.bfloat16() for tensor in cell.draw(9, 33, 200)]
    outcomes = []
    for name in ("tiles", "vectors"):
        with compiled_for(name):
            outcomes.append(outcome(cell.compiled_for_training, tensors, None, (True, True)))
    pairs = list(zip(*outcomes, strict=True))
    assert not all(torch.equal(*pair) for pair in pairs)
    for in_tiles, in_vectors in pairs:
        torch.testing.assert_close(in_tiles, in_vectors, rtol=0.05, atol=0.05)


@pytest.mark.skipif(not has_amx(), reason="this processor has no AMX")
@needs_compiler
@each_cell
@pytest.mark.parametrize("batch", [5, 20, 33])
def test_sequences_of_a_batch_do_not_change_each_other(cell: Cell, batch: int) -> None:
    tensors = [tensor.bfloat16() for tensor in cell.draw(9, batch, 40)]
    whole = as_tuple(cell.compiled_for_training(*tensors, None))
    tensors[0][:, 1] = float("nan")
    for found, expected in zip(
        as_tuple(cell.compiled_for_training(*tensors, None)), whole, strict=True
    ):
        assert found[:, 1].isnan().all()
        others = torch.arange(batch) != 1
        assert torch.equal(found[:, others], expected[:, others])


@needs_compiler
@each_cell
@pytest.mark.parametrize("batch", [3, 20])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("masked", [False, True])
def test_the_values_are_the_same_where_nothing_is_kept_for_a_backward_pass(
    cell: Cell, batch: int, dtype: torch.dtype, masked: bool
) -> None:
    tensors = [tensor.to(dtype) for tensor in cell.draw(9, batch, 20)]
    if not can_compile(cell.name, *tensors[:2]):
        pytest.skip("this processor does not multiply bfloat16")
    mask = torch.arange(9 * batch).view(9, batch, 1) % 4 > 0 if masked else None
    expected = as_tuple(cell.in_cpp(*tensors, mask, True))
    found = as_tuple(cell.in_cpp(*tensors, mask, False))
    for actual, kept in zip(found, expected, strict=True):
        assert torch.equal(actual, kept)


@needs_compiler
@each_cell
def test_gates_saturate_as_they_do_in_torch(cell: Cell) -> None:
    tensors = cell.draw(9, 3, 20)
    tensors[0] *= 1000
    found = outcome(cell.compiled_for_training, tensors, None, (True, True))
    expected = outcome(cell.in_torch, tensors, None, (True, True))
    for actual, reference in zip(found, expected, strict=True):
        assert actual.isfinite().all()
        torch.testing.assert_close(actual, reference, rtol=1e-4, atol=1e-4)


@needs_compiler
@each_cell
def test_a_start_that_is_one_row_repeated_is_left_as_it_is(cell: Cell) -> None:
    projected, *state, U = cell.draw(9, 3, 20)[: 2 + cell.layer.components]
    repeated = [component[:1].expand(3, -1) for component in state]
    before = [component.clone() for component in repeated]
    bias = [torch.zeros(len(U))] if cell.layer.recurrent_bias else []
    cell.in_cpp(projected, *repeated, U, *bias, None, False)
    for component, old in zip(repeated, before, strict=True):
        assert torch.equal(component, old)


@needs_compiler
@each_cell
def test_a_layer_takes_the_kernel_for_long_sequences_of_types_that_it_knows(cell: Cell) -> None:
    def known(length: int, batch: int, size: int, dtype: torch.dtype = torch.float32) -> bool:
        rows = cell.layer.gates * size
        projected = torch.zeros(length, batch, rows, dtype=dtype)
        return can_compile(cell.name, projected, torch.zeros(batch, size, dtype=dtype))

    assert known(8, 1, 1)
    assert not known(7, 1, 1), "arranging U would cost more than it saves"
    assert not known(8, 1, 2, torch.float64)
    assert not known(8, 1, 2, torch.float16)
    assert not known(8, 1, 3, torch.bfloat16), "three units: no pairs"
    assert not known(8, 0, 1)


@needs_compiler
@each_cell
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16], ids=str)
def test_the_default_type_of_new_tensors_changes_nothing(cell: Cell, dtype: torch.dtype) -> None:
    tensors = cell.draw(9, 3, 20)
    expected = outcome(cell.compiled_for_training, tensors, None, (True, True))
    torch.set_default_dtype(dtype)
    try:
        found = outcome(cell.compiled_for_training, tensors, None, (True, True))
    finally:
        torch.set_default_dtype(torch.float32)
    for actual, before in zip(found[: cell.layer.components], expected, strict=False):
        assert torch.equal(actual, before)
    for actual, before in zip(found, expected, strict=True):
        torch.testing.assert_close(actual, before, rtol=1e-2, atol=1e-2, check_dtype=False)


@pytest.mark.filterwarnings("ignore")  # that tracing is deprecated, and what it makes constant
@each_cell
def test_a_trace_is_of_the_sequence_in_torch_and_takes_any_batch(cell: Cell) -> None:
    torch.manual_seed(0)
    layer = cell.layer(5, 6).eval()
    traced = torch.jit.trace(layer, torch.randn(3, 12, 5), check_trace=False)
    x = torch.randn(2, 12, 5)
    torch.testing.assert_close(traced(x), layer(x), rtol=1e-5, atol=1e-6)


@needs_compiler
@each_cell
def test_tensors_without_numbers_are_never_read(cell: Cell) -> None:
    layer = cell.layer(5, 6)
    with FakeTensorMode(allow_non_fake_inputs=True) as fake:
        output, _ = layer(fake.from_tensor(torch.randn(3, 12, 5)))
    assert output.shape == (3, 12, 6)
    run = build.kernel_function(f"{cell.name}_kernel", f"{cell.name}_forward", torch.ones(1), 6)
    assert run is not None
    with pytest.raises(ValueError, match="cannot read a Tensor on meta"):
        run(torch.ones(3, device="meta"))


def layer_outcome(cell: Cell) -> Tensor:
    torch.manual_seed(0)
    layer, x = cell.layer(5, 6), torch.randn(3, 12, 5)
    output, _ = layer(x)
    return output.detach()


@pytest.fixture
def with_a_kernel(cell: Cell) -> Tensor:
    """The outcome with the kernel of the usual cache folder; requested before `no_kernel_yet`."""
    return layer_outcome(cell)


@each_cell
@pytest.mark.parametrize(
    ("name", "value"), [("LMCOURSE_KERNELS", "0"), ("CXX", "no-such-compiler"), ("CXX", "false")]
)
def test_without_a_compiler_torch_does_the_same(
    cell: Cell,
    with_a_kernel: Tensor,
    no_kernel_yet: None,
    name: str,
    value: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(name, value)
    assert build.kernel(f"{cell.name}_kernel") is None
    torch.testing.assert_close(layer_outcome(cell), with_a_kernel, rtol=1e-5, atol=1e-6)


@each_cell
def test_without_a_home_for_what_is_compiled_torch_does_the_same(
    cell: Cell, with_a_kernel: Tensor, no_kernel_yet: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LMCOURSE_CACHE", "~nobody-of-this-name/cache")
    assert build.kernel(f"{cell.name}_kernel") is None
    torch.testing.assert_close(layer_outcome(cell), with_a_kernel, rtol=1e-5, atol=1e-6)


@needs_compiler
def test_a_compiler_may_have_a_program_before_it(
    small_kernel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXX", f"env {os.environ.get('CXX') or 'c++'}")
    assert build.kernel(small_kernel) is not None


@needs_compiler
def test_a_kernel_is_compiled_once(
    small_kernel: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert build.kernel(small_kernel) is not None
    assert [path.suffix for path in tmp_path.iterdir()] == [".so"]
    build.kernel.cache_clear()
    monkeypatch.setattr(build, "_compile", lambda *_: pytest.fail("it was compiled before"))
    assert build.kernel(small_kernel) is not None


def damage(path: Path, change: str) -> None:
    content = path.read_bytes()
    half = len(content) // 2
    flipped = content[:half] + bytes([content[half] ^ 1]) + content[half + 1 :]
    path.write_bytes({"cut": content[:half], "flipped": flipped, "emptied": b""}[change])


@needs_compiler
@pytest.mark.parametrize("change", ["cut", "flipped", "emptied"])
def test_a_damaged_kernel_is_compiled_again(small_kernel: str, change: str, tmp_path: Path) -> None:
    assert build.kernel(small_kernel) is not None
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    # The library is mapped into this process: another file takes its name, as after a crash.
    file.rename(tmp_path / "mapped")
    file.write_bytes(whole)
    damage(file, change)
    build.kernel.cache_clear()
    assert build.kernel(small_kernel) is not None
    assert file.read_bytes() == whole


def give_away(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a file belong to another user than the one of this process."""
    if os.geteuid() == 0:
        os.chown(path, 12_345, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 12_345)


@needs_compiler
@pytest.mark.parametrize("mode", [0o775, 0o757, 0o777, 0o1777])
def test_no_kernel_is_loaded_from_a_folder_that_others_write_to(
    small_kernel: str, mode: int, tmp_path: Path
) -> None:
    assert build.kernel(small_kernel) is not None
    build.kernel.cache_clear()
    tmp_path.chmod(mode)
    assert build.kernel(small_kernel) is None


@needs_compiler
@pytest.mark.parametrize("mode", [0o775, 0o757, None])
def test_a_kernel_that_others_may_have_written_is_not_loaded(
    small_kernel: str, mode: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert build.kernel(small_kernel) is not None
    (file,) = tmp_path.iterdir()
    if mode is None:
        give_away(file, monkeypatch)
    else:
        file.chmod(mode)
    build.kernel.cache_clear()
    loaded = []
    monkeypatch.setattr(build.ctypes, "CDLL", lambda path: loaded.append(Path(path)))
    build.kernel(small_kernel)
    monkeypatch.undo()
    for path in loaded:  # it was compiled again
        assert path.stat().st_uid == os.geteuid() and not path.stat().st_mode & 0o022


@needs_compiler
def test_the_cache_folder_is_closed_to_the_group_whatever_the_umask(
    small_kernel: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LMCOURSE_CACHE", str(tmp_path / "new"))
    before = os.umask(0o002)
    try:
        assert build.kernel(small_kernel) is not None
        build.kernel.cache_clear()
        monkeypatch.setattr(build, "_compile", lambda *_: pytest.fail("it was compiled before"))
        assert build.kernel(small_kernel) is not None
    finally:
        os.umask(before)


@needs_compiler
def test_what_a_killed_compiler_left_is_removed(small_kernel: str, tmp_path: Path) -> None:
    old, running = tmp_path / "compiling-old", tmp_path / "compiling-now"
    for folder in (old, running):
        folder.mkdir()
        (folder / "kernel.so").write_bytes(b"half")
    os.utime(old, (0, 0))
    assert build.kernel(small_kernel) is not None
    assert not old.exists() and running.exists()


@needs_compiler
@pytest.mark.slow
@pytest.mark.skipif(not has_amx(), reason="this processor has no AMX")
def test_without_leave_for_tiles_the_kernels_compute_in_vectors() -> None:
    command = [sys.executable, "-m", "tests.kernels.refused_tiles"]
    root = Path(__file__).parents[2]
    process = subprocess.run(
        command, cwd=root, capture_output=True, text=True, timeout=300, check=False
    )
    assert process.returncode == 0, process.stderr
