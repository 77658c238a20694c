"""Figures are whole files, whatever their texts contain."""

from pathlib import Path

import pytest
from matplotlib.figure import Figure

from hf_lmcourse.errors import LmcourseError
from hf_lmcourse.report.figures import save_figure


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
