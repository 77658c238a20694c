"""Figures are whole files, whatever their texts contain."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from hf_lmcourse.errors import LmcourseError
from hf_lmcourse.report.figures import save_figure, wrapped


def figure_titled(title: str) -> Figure:
    figure = Figure()
    figure.add_subplot().set_title(title)
    return figure


def test_a_dollar_sign_in_a_name_begins_no_formula(tmp_path: Path) -> None:
    save_figure(figure_titled(r"costs $x^ and $\nothing$"), tmp_path / "new" / "plot.png")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["plot.png"]


def test_a_full_disk_leaves_the_old_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "plot.png").write_text("old")

    def half(self: Figure, path: Path, **options: object) -> None:
        path.write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Figure, "savefig", half)
    with pytest.raises(LmcourseError, match=r"plot\.png: No space left"):
        save_figure(figure_titled("a"), tmp_path / "plot.png")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


@given(st.text(alphabet="ab _/-", max_size=150), st.integers(5, 40))
def test_a_name_is_broken_into_lines_that_fit(name: str, width: int) -> None:
    lines = wrapped(name, width).splitlines()
    assert all(len(line) <= width for line in lines)
    kept = "".join("".join(lines).split())
    assert kept == "".join(name.split()) or kept.endswith("...")


def test_names_break_after_their_signs_and_numbers_stay_whole() -> None:
    assert wrapped("gru_tiny_shakespeare", 10) == "gru_tiny_\nshakespear\ne"
    assert wrapped("of 1,348,193 parameters", 12) == "of 1,348,193\nparameters"
