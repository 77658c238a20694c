"""The grid of our kernels of a recurrence and the library's."""

import pytest
import torch

from benchmarks import backends
from benchmarks.backends import Grid
from benchmarks.processor import precisions
from hf_lmcourse.kernels import dispatch


def test_sizes_that_would_take_long_are_left_out() -> None:
    grid = Grid()
    assert {batch for batch, _, _ in grid.sizes} == set(grid.batches)
    assert {width for *_, width in grid.sizes} == set(grid.widths)
    assert (1, 128, 650) in grid.sizes and (64, 128, 650) not in grid.sizes
    assert len(grid.sizes) * len(grid.cells) * 4 < 500


def test_every_point_names_what_the_rule_takes_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "has_amx", lambda: True)
    monkeypatch.setattr(dispatch, "has_avx2_alone", lambda: False)
    monkeypatch.setattr(dispatch, "kernel", lambda name: object())
    grid = Grid(cells=("LSTM", "GRU"), batches=(1, 24), lengths=(8,), widths=(4,))
    before = torch.is_grad_enabled()
    points = list(backends.backends(1, grid))
    assert torch.is_grad_enabled() == before
    taken = {(point.name, point.setting): point.taken for point in points}
    assert len(taken) == len(points) == 2 * 2 * 2 * len(precisions())
    library = {key for key, side in taken.items() if side == "library"}
    assert library == {
        (f"LSTM, inference, {precision}", "24 x 8 x 4") for precision in precisions()
    }
    assert all(list(point.seconds) == ["ours", "library"] for point in points)


def test_both_sides_have_the_same_weights_and_values() -> None:
    x = torch.randn(3, 9, 4)
    outputs = []
    for backend in backends._SIDES:
        torch.manual_seed(0)
        layer = backends._CELLS["LSTM"](4, 4, backend=backend)
        outputs.append(layer(x)[0])
    torch.testing.assert_close(*outputs)
