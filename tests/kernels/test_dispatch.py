"""The rule that takes the faster of our kernels and the library's."""

from itertools import product

import pytest
import torch

from hf_lmcourse.kernels import dispatch
from hf_lmcourse.kernels.dispatch import library_is_faster, library_takes

FLOAT, HALF = torch.float32, torch.bfloat16


def let_be(processor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "has_amx", lambda: processor == "amx")
    monkeypatch.setattr(dispatch, "has_avx2_alone", lambda: processor == "avx2")
    monkeypatch.setattr(dispatch, "multiplies_bfloat16", lambda: processor != "avx2")
    monkeypatch.setattr(dispatch, "kernel", lambda name: object())


@pytest.fixture(params=[False, True], ids=["no_amx", "amx"])
def amx(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    let_be("amx" if request.param else "avx512", monkeypatch)
    return bool(request.param)


@pytest.fixture
def avx2(monkeypatch: pytest.MonkeyPatch) -> None:
    let_be("avx2", monkeypatch)


@pytest.mark.parametrize("dtype", [FLOAT, HALF])
def test_the_librarys_lstm_is_taken_without_a_gradient_but_for_few_sequences(
    amx: bool, dtype: torch.dtype
) -> None:
    for size in (100, 200):
        taken = [
            batch
            for batch in range(1, 70)
            if library_is_faster("lstm", batch, 35, size, dtype, False)
        ]
        assert taken == list(range(min(taken), 70))
        assert min(taken) == (20 if size == 100 and dtype == FLOAT else 8)


def test_a_wide_lstm_of_few_sequences_is_ours_in_tiles_of_amx(amx: bool) -> None:
    assert library_is_faster("lstm", 16, 35, 650, HALF, False) != amx
    assert library_is_faster("lstm", 16, 35, 650, FLOAT, False)
    assert library_is_faster("lstm", 64, 35, 650, HALF, False)
    assert library_is_faster("lstm", 16, 35, 200, HALF, False)


@pytest.mark.parametrize("dtype", [FLOAT, HALF])
@pytest.mark.parametrize("batch", [1, 8, 32, 128])
def test_training_and_the_gru_are_ours(amx: bool, batch: int, dtype: torch.dtype) -> None:
    for size in (20, 200, 1024):
        assert not library_is_faster("lstm", batch, 35, size, dtype, True)
        assert not library_is_faster("gru", batch, 35, size, dtype, True)
        assert not library_is_faster("gru", batch, 35, size, dtype, False)


def test_few_steps_without_a_gradient_are_the_librarys_but_for_a_wide_lstm(amx: bool) -> None:
    for length, batch, dtype in product((1, 7), (1, 64), (FLOAT, HALF)):
        assert library_is_faster("gru", batch, length, 650, dtype, False)
        assert library_is_faster("elman", batch, length, 650, dtype, False)
        assert library_is_faster("lstm", batch, length, 650, dtype, False) == (length == 7)
        taken = library_is_faster("lstm", batch, length, 128, dtype, False)
        assert taken == (dtype == HALF or length == 7 or batch == 64)


def test_few_steps_with_a_gradient_are_the_librarys_where_the_state_is_narrow(amx: bool) -> None:
    for length, batch, dtype in product((1, 2, 7), (1, 64), (FLOAT, HALF)):
        assert library_is_faster("gru", batch, length, 650, dtype, True) == (length == 1)
        assert library_is_faster("elman", batch, length, 650, dtype, True) == (length <= 2)
        assert not library_is_faster("lstm", batch, length, 650, dtype, True)
        taken = library_is_faster("lstm", batch, length, 128, dtype, True)
        assert taken == (dtype == HALF or length > 1)


def test_elmans_recurrence_is_the_librarys_for_few_sequences_and_narrow_states(amx: bool) -> None:
    for batch, size in product((1, 8, 64), (128, 512)):
        taken = library_is_faster("elman", batch, 35, size, FLOAT, False)
        assert taken == (batch == 1 or size == 128)
        assert not library_is_faster("elman", batch, 35, size, HALF, False)
        assert not library_is_faster("elman", batch, 35, size, FLOAT, True)


@pytest.mark.usefixtures("avx2")
def test_with_avx2_alone_many_steps_of_the_lstm_are_ours_and_all_of_elmans_the_librarys() -> None:
    for batch, size, gradient in product((1, 8, 64), (128, 650), (False, True)):
        assert not library_is_faster("lstm", batch, 35, size, FLOAT, gradient)
        assert not library_is_faster("gru", batch, 35, size, FLOAT, gradient)
        assert library_is_faster("elman", batch, 35, size, FLOAT, gradient) != gradient
        assert library_is_faster("lstm", batch, 1, size, FLOAT, False) == (batch > 1)


@pytest.mark.parametrize("cell", ["elman", "lstm", "gru"])
def test_other_precisions_are_computed_here(amx: bool, cell: str) -> None:
    for dtype in (torch.float64, torch.float16):
        assert not library_is_faster(cell, 64, 35, 1024, dtype, False)


def test_a_call_is_judged_by_what_it_computes_in(monkeypatch: pytest.MonkeyPatch) -> None:
    let_be("amx", monkeypatch)
    x = torch.zeros(16, 35, 20)
    assert not library_takes("lstm", x, 20)
    with torch.no_grad():
        assert library_takes("lstm", x, 200)
        assert not library_takes("lstm", x[:1, :1], 20)
        assert not library_takes("lstm", x.double(), 20)
        assert library_takes("lstm", x, 650)
        with torch.autocast("cpu", torch.bfloat16):
            assert not library_takes("lstm", x, 650)
            assert not library_takes("lstm", x.double(), 20)


def test_where_bfloat16_is_not_multiplied_the_library_takes_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    let_be("avx2", monkeypatch)
    for cell, length, gradient in product(("elman", "lstm", "gru"), (1, 35), (False, True)):
        with torch.set_grad_enabled(gradient):
            x = torch.zeros(2, length, 20)
            assert library_takes(cell, x.bfloat16(), 650)
            with torch.autocast("cpu", torch.bfloat16):
                assert library_takes(cell, x, 650)
    assert not library_takes("gru", torch.zeros(2, 35, 20), 650)


def test_kernels_that_are_switched_off_leave_everything_to_our_layers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LMCOURSE_KERNELS", "0")
    with torch.no_grad():
        assert not library_takes("lstm", torch.zeros(32, 35, 20), 20)


@pytest.mark.usefixtures("avx2")
@pytest.mark.parametrize("gradient", [False, True])
def test_without_a_compiler_the_library_has_the_lstm_of_many_steps(
    gradient: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = torch.zeros(4, 35, 20)
    monkeypatch.setattr(dispatch, "kernel", lambda name: None)
    with torch.set_grad_enabled(gradient):
        assert library_takes("lstm", x, 20)
        assert not library_takes("lstm", x.double(), 20)
        assert not library_takes("gru", x, 20)
        assert not library_takes("lstm", x[:2, :1], 20)
