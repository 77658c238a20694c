"""`lmcourse train --cell FILE.py:NAME`: a run whose steps a student's function computes."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file

from hf_lmcourse.models.loading import load_language_model
from hf_lmcourse.runs import own_cell
from hf_lmcourse.runs.settings import read_settings

from .commands import FinishedRun, Outcome, files_of, lmcourse, result_of

pytestmark = pytest.mark.usefixtures("forked_checks")

CELL = """\
import torch


def mine(h, x, c, W, U, b):
    i, f, g, o = (x @ W.T + h @ U.T + b).chunk(4, dim=1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c
"""


ADAPTERS = 'ADAPTERS = {"lstm_step": {"arguments": ["h", "x", "c", "W", "U", "b"]}}\n'


def write_cell(path: Path, source: str = CELL) -> Path:
    path.write_text(source)
    path.with_name("adapters.py").write_text(ADAPTERS)
    return path


@dataclass(frozen=True)
class OwnRun:
    """A finished run with a cell, next to one without."""

    folder: Path
    cell: Path
    outcome: Outcome


@pytest.fixture(scope="module")
def own(
    finished: FinishedRun, forked_checks: None, tmp_path_factory: pytest.TempPathFactory
) -> OwnRun:
    place = tmp_path_factory.mktemp("own")
    cell, folder = write_cell(place / "my_cell.py"), place / "run"
    results = shutil.copytree(finished.yaml.parent / "results", place / "results")
    words = ("--output_dir", folder, "--results_dir", results, "--cell", f"{cell}:mine")
    return OwnRun(folder, cell, lmcourse("train", finished.yaml, *words))


def test_it_trains_to_the_weights_of_our_own_step(finished: FinishedRun, own: OwnRun) -> None:
    assert own.outcome.status == 0, own.outcome.err
    theirs, ours = (load_file(f / "model.safetensors") for f in (own.folder, finished.folder))
    torch.testing.assert_close(theirs, ours, rtol=1e-4, atol=1e-6)
    own_score, score = (
        result_of(folder)["metrics"]["validation"]["nats_per_token"]
        for folder in (own.folder, finished.folder)
    )
    assert own_score == pytest.approx(score, rel=1e-5)


def test_it_is_compared_with_our_step_and_with_our_run(finished: FinishedRun, own: OwnRun) -> None:
    perplexity = f"{result_of(finished.folder)['metrics']['validation']['perplexity']:.3f}"
    rows = [line for line in own.outcome.out.splitlines() if line.startswith("  our step")]
    assert len(rows) == 2 and all(perplexity in row for row in rows)
    card = (own.folder / "README.md").read_text()
    assert card.count("| `perplexity, our step") == 2 and "my_cell.py" in card


def test_its_result_has_a_name_of_its_own(finished: FinishedRun, own: OwnRun) -> None:
    results = own.folder.parent / "results"
    assert result_of(own.folder)["name"] == "tiny_mine"
    assert json.loads((results / "tiny.json").read_text()) == result_of(finished.folder)
    assert json.loads((results / "tiny_mine.json").read_text()) == result_of(own.folder)


def test_the_saved_run_has_a_copy_of_the_file_and_loads_without_it(own: OwnRun) -> None:
    assert (own.folder / "cell.py").read_text() == CELL
    model, _ = load_language_model(str(own.folder))
    assert all(getattr(module, "cell", None) is None for module in model.modules())
    assert "load without your file" in own.outcome.out


@pytest.mark.parametrize("with_cell", ["changed", "none"])
def test_it_is_resumed_with_the_same_cell_alone(
    with_cell: str, finished: FinishedRun, own: OwnRun, tmp_path: Path
) -> None:
    folder, cell = shutil.copytree(own.folder, tmp_path / "run"), tmp_path / "my_cell.py"
    words = ["train", finished.yaml, "--output_dir", folder, "--resume_from_checkpoint", "last"]
    before = files_of(folder)
    write_cell(cell, CELL + "\n# changed\n")
    other = [] if with_cell == "none" else ["--cell", f"{cell}:mine"]
    complaint = lmcourse(*words, *other).complaint
    assert "cell mine (" in complaint and files_of(folder) == before
    if with_cell == "changed":
        copy = shutil.copytree(folder, tmp_path / "copy") / "cell.py"  # the same file elsewhere
        assert lmcourse(*words, "--cell", f"{copy}:mine").status == 0
        assert result_of(folder)["metrics"] == result_of(own.folder)["metrics"]


def test_a_classifier_and_a_wrong_cell_are_refused_before_anything_is_written(
    finished: FinishedRun, tmp_path: Path
) -> None:
    cell = write_cell(tmp_path / "wrong.py", CELL.replace("torch.tanh(c), c", "c, c"))
    words = ["--output_dir", tmp_path / "run", "--cell", f"{cell}:mine"]
    complaint = lmcourse("train", finished.yaml, *words).complaint
    assert "tanh is missing on the cell" in complaint and len(complaint) < 300
    dan = tmp_path / "dan.yaml"
    dan.write_text("model: {model_type: lmcourse_dan}\n")
    assert "cell" in lmcourse("train", dan, *words).complaint
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("words", "compared"),
    [
        ((), True),
        (("--backend", "native", "--output_dir", "elsewhere", "--sample_length", "3"), True),
        (("--learning_rate", "0.1"), False),
        (("--hidden_size", "32"), False),
        (("--block_length", "32"), False),
    ],
)
def test_a_published_result_is_compared_with_if_the_settings_are_its_own(
    words: tuple[str, ...], compared: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_cell, "load_cell", lambda named, config: SimpleNamespace(name=named))
    own = own_cell.CellRun.of(read_settings(["lstm_tiny_shakespeare", *words, "--cell", "mine"]))
    assert own is not None and (own.ours is not None) == compared
    if own.ours is not None:
        assert own.ours.name == "lstm_tiny_shakespeare"
