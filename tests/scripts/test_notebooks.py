"""The notebooks run from first cell to last, are thin, and are shown as they were executed."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

pytest.importorskip("jupytext")
pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

import nbformat

import notebooks
from hf_lmcourse.sharing.card_links import ADDRESS

SOURCES = notebooks.sources()
MOST_LINES, MOST_BYTES = 60, 150_000
each_notebook = pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)


def executed(source: Path) -> Any:
    """The notebook as it is in the repository, with its outputs."""
    return nbformat.read(source.with_suffix(".ipynb"), as_version=4)


def code_lines(source: Path) -> list[str]:
    cells = [c.source for c in notebooks.read_source(source).cells if c.cell_type == "code"]
    lines = [line.strip() for line in "\n".join(cells).splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def test_there_are_eight_and_each_is_numbered() -> None:
    assert [path.name[:2] for path in SOURCES] == [f"{number:02}" for number in range(1, 9)]
    assert {path.stem for path in notebooks.FOLDER.glob("*.ipynb")} == {p.stem for p in SOURCES}


@each_notebook
def test_what_is_shown_was_made_from_the_text(source: Path) -> None:
    shown, text = executed(source), notebooks.read_source(source)
    cells = [[(cell.cell_type, cell.source) for cell in book.cells] for book in (shown, text)]
    assert cells[0] == cells[1]
    code = [cell for cell in shown.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))


@each_notebook
def test_a_notebook_is_thin_and_its_outputs_are_small(source: Path) -> None:
    assert len(code_lines(source)) < MOST_LINES
    assert source.with_suffix(".ipynb").stat().st_size < MOST_BYTES


@each_notebook
def test_a_notebook_opens_in_colab_and_installs_the_package_there(source: Path) -> None:
    first, install = notebooks.read_source(source).cells[:2]
    place = f"{urlsplit(ADDRESS).path}/blob/main/notebooks/{source.stem}.ipynb"
    assert f"(https://colab.research.google.com/github{place})" in first.source
    assert 'find_spec("hf_lmcourse") is None' in install.source
    assert f'"install -q git+{ADDRESS}"' in install.source


@each_notebook
def test_no_output_is_a_warning_or_names_a_folder_of_this_machine(source: Path) -> None:
    outputs = [output for cell in executed(source).cells for output in cell.get("outputs", [])]
    assert not [output for output in outputs if output.get("name") == "stderr"]
    assert not re.search(r"(/tmp/|/home/|/work/|/root/)\w", nbformat.writes(executed(source)))


@pytest.mark.slow
@each_notebook
def test_a_notebook_runs_from_its_first_cell_to_its_last(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LMCOURSE_DATA", raising=False)
    cells = [cell for cell in notebooks.execute(source, tmp_path).cells if cell.source]
    assert all(cell.execution_count for cell in cells if cell.cell_type == "code")
