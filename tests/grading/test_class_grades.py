"""A class is graded whatever its submissions are, and what has not changed is kept."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from hf_lmcourse.grading import class_grades
from hf_lmcourse.grading.class_grades import Grade, grade_class, grade_of
from hf_lmcourse.grading.scheme import Scheme
from hf_lmcourse.grading.scores import Score, TaskScore
from hf_lmcourse.grading.submissions import Submission, find_submissions

SCHEME = Scheme({"gru_step": {"values": 2.0}})


@pytest.fixture
def graded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The students whose files were run; those named bad raise what nobody expected."""
    students: list[str] = []

    def score(submission: Submission, scheme: Scheme, time_limit: float) -> Score:
        students.append(submission.student)
        if submission.student.startswith("bad"):
            raise ZeroDivisionError("of ours")
        return Score({"gru_step": TaskScore({"values": 2.0}, "a remark", ["a mistake"])})

    monkeypatch.setattr(class_grades, "score", score)
    return students


def grades_of(
    folder: Path, earlier: Mapping[str, Grade], scheme: Scheme = SCHEME, time_limit: float = 1.0
) -> dict[str, Grade]:
    found = grade_class(
        find_submissions(folder), scheme, time_limit=time_limit, processes=3, earlier=earlier
    )
    return {grade.student: grade for grade in found}


def write_class(folder: Path, *students: str) -> None:
    for student in students:
        (folder / f"{student}.py").write_text("x = 1")


def test_a_defect_of_ours_stops_nothing_and_is_not_kept(tmp_path: Path, graded: list[str]) -> None:
    write_class(tmp_path, "anna", "bad", "carl")
    found = grades_of(tmp_path, {})
    assert {name: grade.score.total for name, grade in found.items()} == {
        "anna": 2,
        "bad": 0,
        "carl": 2,
    }
    assert "ZeroDivisionError: of ours" in found["bad"].score.message
    again = grades_of(tmp_path, found)
    assert {name for name, grade in again.items() if grade is found[name]} == {"anna", "carl"}
    assert sorted(graded) == ["anna", "bad", "bad", "carl"]


@pytest.mark.parametrize(
    "change", ["content", "points", "salt", "time limit", "version", "nothing"]
)
def test_what_a_grade_was_made_from_decides_whether_it_is_kept(
    tmp_path: Path, graded: list[str], change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_class(tmp_path, "anna", "bert")
    found = grades_of(tmp_path, {})
    scheme, time_limit = SCHEME, 1.0
    if change == "content":
        (tmp_path / "bert.py").write_text("x = 2")
    elif change == "points":
        scheme = Scheme({"gru_step": {"values": 3.0}})
    elif change == "salt":
        scheme = Scheme(SCHEME.points, "other")
    elif change == "time limit":
        time_limit = 2
    elif change == "version":
        monkeypatch.setattr(class_grades, "__version__", "9.9")
    graded.clear()
    grades_of(tmp_path, found, scheme, time_limit)
    wanted = {"nothing": [], "content": ["bert"]}
    assert sorted(graded) == wanted.get(change, ["anna", "bert"])


def test_a_grade_is_the_same_after_it_was_written(tmp_path: Path, graded: list[str]) -> None:
    write_class(tmp_path, "anna")
    (grade,) = grades_of(tmp_path, {}).values()
    read = grade_of(grade.record)
    assert read.kept and (read.student, read.identity) == ("anna", grade.identity)
    assert read.score == grade.score


def test_without_hints_points_are_left(tmp_path: Path, graded: list[str]) -> None:
    write_class(tmp_path, "anna")
    (grade,) = grades_of(tmp_path, {}).values()
    bare = grade.without_hints.score
    assert bare.total == 2 and (bare.tasks["gru_step"].message, bare.tasks["gru_step"].likely) == (
        "",
        (),
    )
