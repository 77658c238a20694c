"""`lmcourse grade`: the files that it writes, what it keeps, and hostile submissions."""

import json
from pathlib import Path

import pytest

from hf_lmcourse.grading import class_grades, scores

from ..grading import fake_runs
from .commands import lmcourse

POINTS = "points: {perplexity: {values: 2, shapes: 1}, gru_step: {values: 4}}\nsalt: pepper\n"

RIGHT = """\
import numpy as np


def perplexity(logits, targets):
    real = targets != -100
    shifted = logits - logits.max(-1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    chosen = np.take_along_axis(log_p[real], targets[real][:, None], axis=1)
    return np.exp(-chosen.mean())
"""

ENDLESS = """\
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
end = time.monotonic() + 20
while time.monotonic() < end:
    pass
perplexity = None
"""


@pytest.fixture
def handed_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The submissions of three students, whose files are not run."""
    monkeypatch.setattr(scores, "run_file", fake_runs.run_file)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "points.yaml").write_text(POINTS)
    folder = tmp_path / "handed in"
    (folder / "anna").mkdir(parents=True)
    (folder / "anna" / "mine.py").write_text("# perplexity nothing\n# gru_step nothing\n")
    (folder / "bert.py").write_text("# perplexity values\n# gru_step raises\n")
    (folder / "carl").mkdir()
    return folder


def test_a_class_is_graded_into_files_for_everybody(handed_in: Path) -> None:
    words = ("--points", "points.yaml", "--json", "g.json", "--csv", "c.csv", "--gradescope", "gs")
    outcome = lmcourse("grade", handed_in, *words)
    assert outcome.status == 0
    assert (
        "3 graded, 0 of them as before: mean 2.667 of 7 points, lowest 0, highest 7" in outcome.out
    )
    assert "carl: there is no Python file" in outcome.out
    rows = Path("c.csv").read_text().splitlines()
    assert [row.split(",")[:2] for row in rows[1:]] == [["anna", "7"], ["bert", "1"], ["carl", "0"]]
    for name, total in {"anna": 7, "bert": 1, "carl": 0}.items():
        assert json.loads(Path("gs", name, "results.json").read_text())["score"] == total
    assert "raised ValueError" in Path("g.json").read_text()


def test_a_second_run_grades_what_has_changed(
    handed_in: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("grade", handed_in, "--points", "points.yaml", "--json", "g.json")
    assert lmcourse(*words).status == 0
    before = Path("g.json").read_text()
    (handed_in / "carl" / "mine.py").write_text("# perplexity nothing\n")
    outcome = lmcourse(*words)
    assert "3 graded, 2 of them as before" in outcome.out and "highest 7" in outcome.out
    assert Path("g.json").read_text() != before
    hidden = lmcourse(*words, "--no-hints")
    assert "3 of them as before" in hidden.out
    assert "ValueError" not in Path("g.json").read_text()
    assert "0 of them as before" in lmcourse(*words).out


def test_an_interruption_loses_nothing(handed_in: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    score = class_grades.score

    def interrupted(submission: object, *rest: object) -> object:
        if getattr(submission, "student", "") == "carl":
            raise KeyboardInterrupt
        return score(submission, *rest)  # type: ignore[arg-type]

    words = ("grade", handed_in, "--points", "points.yaml", "--json", "g.json", "--processes", 1)
    with monkeypatch.context() as patch:
        patch.setattr(class_grades, "score", interrupted)
        assert lmcourse(*words).status == 130
    assert "2 of them as before" in lmcourse(*words).out


def test_a_defect_of_ours_is_in_the_status(
    handed_in: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scores, "run_file", lambda *_, **__: 1 / 0)
    outcome = lmcourse("grade", handed_in, "--points", "points.yaml", "--json", "g.json")
    assert outcome.status == 1 and "anna: could not be graded: ZeroDivisionError" in outcome.out


def test_one_results_file_is_for_the_folder_of_one_student(handed_in: Path) -> None:
    words = ("--points", "points.yaml", "--gradescope", "results.json")
    assert "1 graded" in lmcourse("grade", handed_in / "anna", *words).out
    assert json.loads(Path("results.json").read_text())["score"] == 7


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "--json grades.json"),
        (("--json", "g.json", "--processes", 0), "--processes"),
        (("--json", "g.json", "--time_limit", 0), "--time_limit"),
        (("--json", "points.yaml"), "points.yaml"),
        (("--json", "nothing.yaml/g.json", "--points", "nothing.yaml"), "nothing.yaml"),
        (("--json", "points.yaml/g.json"), "cannot write"),
    ],
)
def test_bad_words_are_reported_in_one_line(
    handed_in: Path, words: tuple[object, ...], message: str
) -> None:
    assert message in lmcourse("grade", handed_in, "--points", "points.yaml", *words).complaint


@pytest.mark.slow
def test_submissions_of_all_kinds_are_graded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("points.yaml").write_text("points: {perplexity: {values: 2, shapes: 1}}")
    sources = {
        "right": RIGHT,
        "endless": ENDLESS,
        "syntax": "def f(:",
        "wrong": RIGHT.replace("-c", "c"),
    }
    for name, source in sources.items():
        Path("all", name).mkdir(parents=True)
        Path("all", name, "mine.py").write_text(source)
    Path("all", "rubbish.py").write_bytes(bytes(range(256)) * 100)
    outcome = lmcourse(
        "grade", "all", "--points", "points.yaml", "--json", "g.json", "--time_limit", 2
    )
    assert outcome.status == 0
    students = json.loads(Path("g.json").read_text())["students"]
    assert {one["student"]: one["score"] for one in students} == {
        "endless": 0,
        "right": 3,
        "rubbish": 0,
        "syntax": 0,
        "wrong": 1,
    }
    assert "not finished after 2 seconds" in students[0]["message"]
