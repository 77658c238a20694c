"""The files of grades: read again, a table that a spreadsheet may open, Gradescope's results."""

import csv
import json
from pathlib import Path

import pytest

from hf_lmcourse import LmcourseError
from hf_lmcourse.grading.class_grades import Grade
from hf_lmcourse.grading.grade_files import (
    read_grades,
    write_class_table,
    write_grades,
    write_gradescope,
)
from hf_lmcourse.grading.scheme import Scheme
from hf_lmcourse.grading.scores import Score, TaskScore

SCHEME = Scheme({"gru_step": {"values": 2.0, "shapes": 1.0}})


def grade(student: str, values: float, message: str = "") -> Grade:
    task = TaskScore({"values": values, "shapes": 1.0}, "h' differs", ["a mistake"])
    return Grade(student, Score({"gru_step": task}, message), "0123")


def test_grades_are_read_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "new" / "grades.json"
    assert read_grades(path, hints=True) == {}
    grades = [grade("anna", 2.0), grade("b\nert ∑", 0.0, "a message")]
    write_grades(path, grades, SCHEME, hints=True)
    read = read_grades(path, hints=True)
    assert [one.score for one in read.values()] == [one.score for one in grades]
    assert json.loads(path.read_text())["max_score"] == 3


def test_grades_without_hints_are_not_those_with_hints(tmp_path: Path) -> None:
    path = tmp_path / "grades.json"
    write_grades(path, [grade("anna", 2.0)], SCHEME, hints=False)
    assert read_grades(path, hints=True) == {}
    assert list(read_grades(path, hints=False)) == ["anna"]


@pytest.mark.parametrize(
    "content",
    ["[]", "{}", '{"students": [1], "hints": true}', '{"students": {}}', "\0", "[" * 9999],
)
def test_a_file_of_another_kind_is_not_overwritten(tmp_path: Path, content: str) -> None:
    path = tmp_path / "grades.json"
    path.write_text(content)
    with pytest.raises(LmcourseError, match=r"grades\.json"):
        read_grades(path, hints=True)
    assert path.read_text() == content


def test_the_table_has_a_row_per_student_and_no_formulas(tmp_path: Path) -> None:
    path = tmp_path / "class.csv"
    grades = [grade("=1+1", 2.0), grade("b,e\nrt", 0.0, "@message")]
    write_class_table(path, grades, SCHEME)
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [
        ["student", "score", "max_score", "gru_step", "message"],
        ["'=1+1", "3.0", "3.0", "3.0", ""],
        ["b,e\nrt", "1.0", "3.0", "1.0", "'@message"],
    ]


@pytest.mark.parametrize("hints", [True, False])
def test_gradescope_gets_a_test_per_part(tmp_path: Path, hints: bool) -> None:
    path, found = tmp_path / "results.json", grade("anna", 0.0, "a message")
    write_gradescope(path, found if hints else found.without_hints, SCHEME)
    content = json.loads(path.read_text())
    assert content["score"] == 1 and content["output"] == "a message"
    wrong, right = content["tests"]
    output = wrong.pop("output", None)
    assert output == ("h' differs\nmost likely: a mistake" if hints else None)
    assert wrong == {
        "name": "gru_step: values",
        "score": 0,
        "max_score": 2,
        "status": "failed",
        "visibility": "visible",
    }
    assert (right["name"], right["score"], right["status"]) == ("gru_step: shapes", 1, "passed")
    assert "output" not in right
