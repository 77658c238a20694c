"""A kit: starter files that fail, solutions that pass, pages, a notebook and points."""

from pathlib import Path
from typing import Any

import nbformat
import pytest
import yaml

from hf_lmcourse import LmcourseError
from hf_lmcourse.assignments import kit as kit_module
from hf_lmcourse.assignments.kit import make_kit
from hf_lmcourse.assignments.specification import read_assignment
from hf_lmcourse.checking import Verdict, check_file

from .specifications import ADAPTERS, STEPS, content, written

pytestmark = pytest.mark.usefixtures("forked_checks")

FILES = {
    "README.md",
    "adapters.py",
    "assignment.ipynb",
    "questions/01_elman.md",
    "questions/02_softmax.md",
    "questions/03_gru.md",
    "steps.py",
}


@pytest.fixture(scope="module")
def kit(forked_checks: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kit")
    out = folder / "new" / "kit"
    make_kit(read_assignment(written(folder)), out)
    return out


def texts(folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_text() for path in files}


def test_both_folders_have_the_same_files_and_nothing_else_is_left(kit: Path) -> None:
    assert set(texts(kit / "starter")) == set(texts(kit / "solution")) == FILES
    assert {path.name for path in kit.iterdir()} == {"starter", "solution", "points.yaml"}
    assert [path.name for path in kit.parent.iterdir()] == ["kit"]
    assert kit.stat().st_mode == kit.parent.stat().st_mode


def test_nothing_of_the_answers_is_in_the_starter_folder(kit: Path) -> None:
    starter, solution = texts(kit / "starter"), texts(kit / "solution")
    for secret in ("x @ W.T + h @ U.T", "x_n + r * u_n", "In short.", "Answer"):
        assert not [name for name, text in starter.items() if secret in text], secret
        assert [name for name, text in solution.items() if secret in text], secret
    assert starter["adapters.py"] == ADAPTERS
    assert "Derive it." in starter["questions/02_softmax.md"]
    assert r"\frac" in solution["questions/02_softmax.md"]  # the derivation
    assert r"\[" not in solution["questions/02_softmax.md"]


@pytest.mark.parametrize(("folder", "agrees"), [("starter", False), ("solution", True)])
def test_the_solution_passes_and_the_starter_fails_everywhere(
    kit: Path, folder: str, agrees: bool
) -> None:
    verdicts = check_file(kit / folder / "steps.py")
    found = {verdict.task: verdict.agrees for verdict in verdicts}
    assert found == {"elman_step": agrees, "gru_step": agrees}


def test_the_points_are_those_of_the_tasks(kit: Path) -> None:
    assert yaml.safe_load((kit / "points.yaml").read_text()) == {
        "points": {
            "elman_step": {"values": 2, "gradients": 1.5, "shapes": 1},
            "gru_step": {"values": 4},
        },
        "salt": "pepper",
    }


@pytest.mark.parametrize("folder", ["starter", "solution"])
def test_the_notebook_is_valid_and_writes_each_file_after_its_last_question(
    kit: Path, folder: str
) -> None:
    found = nbformat.read(kit / folder / "assignment.ipynb", as_version=4)
    nbformat.validate(found)
    sources = [cell.source for cell in found.cells]
    magic = f"%%writefile steps.py\n{(kit / folder / 'steps.py').read_text()}".rstrip()
    place = sources.index(magic)
    assert "The step of the GRU" in sources[place - 1]
    assert sources[place + 1] == "!lmcourse check steps.py"
    assert any(source.startswith("%%writefile adapters.py") for source in sources[:place])


def test_the_contents_lead_to_every_page(kit: Path) -> None:
    text = (kit / "starter" / "README.md").read_text()
    assert "Some *words*." in text and "11.5" in text
    assert all(f"({name})" in text for name in FILES if name.startswith("questions/"))


def refused(folder: Path, words: str, spec: Any = None, **files: str) -> None:
    path = written(folder, spec, {name.replace("_py", ".py"): text for name, text in files.items()})
    with pytest.raises(LmcourseError, match=words):
        make_kit(read_assignment(path), folder / "kit")
    assert not [p for p in folder.iterdir() if p.name.startswith((".lmcourse", "kit"))]


def test_a_wrong_solution_is_refused_with_its_mistake(tmp_path: Path) -> None:
    wrong = STEPS.replace("(1 - z) * n + z * h", "z * n + (1 - z) * h")
    refused(tmp_path, "gru_step in .*steps.py is wrong: .*z", steps_py=wrong)


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        (STEPS.replace("  # SOLUTION", "").replace(" SOLUTION", ""), "no BEGIN SOLUTION"),
        (STEPS.replace("    # END SOLUTION\n", ""), "line 5 of steps.py"),
    ],
)
def test_a_file_without_marks_or_with_half_of_one_is_refused(
    steps: str, words: str, tmp_path: Path
) -> None:
    refused(tmp_path, words, steps_py=steps)


def faked(monkeypatch: pytest.MonkeyPatch, starter: list[str], solution: list[str]) -> None:
    """Let files have functions for these tasks, which the solution passes and the starter not."""

    def check(path: Path) -> list[Verdict]:
        right = path.parent.name == "solution"
        return [Verdict(task, right) for task in (solution if right else starter)]

    monkeypatch.setattr(kit_module, "check_file", check)


BOTH = ["elman_step", "gru_step"]


@pytest.mark.parametrize(
    ("starter", "solution", "words"),
    [
        (BOTH, ["elman_step"], "no function for gru_step"),
        (["gru_step"], BOTH, "without its solutions has no function for elman_step"),
    ],
)
def test_a_missing_function_is_refused(
    starter: list[str],
    solution: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    faked(monkeypatch, starter, solution)
    refused(tmp_path, words)


def test_a_starter_that_passes_anything_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    extra = Verdict("layer_norm", True)  # no question asks for it
    verdicts = {"solution": [Verdict(task, True) for task in BOTH]}
    verdicts["starter"] = [*(Verdict(task, False) for task in BOTH), extra]
    monkeypatch.setattr(kit_module, "check_file", lambda path: verdicts[path.parent.name])
    refused(tmp_path, "without its solutions passes the check of layer_norm")


def test_a_file_of_another_system_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    faked(monkeypatch, BOTH, BOTH)
    path = written(tmp_path)
    make_kit(read_assignment(path), tmp_path / "kit")
    (tmp_path / "steps.py").write_bytes(b"\xef\xbb\xbf" + STEPS.replace("\n", "\r\n").encode())
    make_kit(read_assignment(path), tmp_path / "other")
    assert texts(tmp_path / "other") == texts(tmp_path / "kit")
    (tmp_path / "steps.py").write_bytes(b"\xff\xfe")
    with pytest.raises(LmcourseError, match="cannot read .*steps.py"):
        make_kit(read_assignment(path), tmp_path / "third")


def test_an_empty_folder_is_filled_and_any_other_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faked(monkeypatch, BOTH, BOTH)
    assignment, out = read_assignment(written(tmp_path)), tmp_path / "kit"
    out.mkdir()
    make_kit(assignment, out)
    before = texts(out)
    with pytest.raises(LmcourseError, match="not an empty folder"):
        make_kit(assignment, out)
    assert texts(out) == before
    with pytest.raises(LmcourseError, match="cannot write"):
        make_kit(assignment, tmp_path / "steps.py" / "kit")
    plain = read_assignment(written(tmp_path, content(salt="", introduction="", files=[])))
    assert "salt" not in kit_module.points(plain)
