"""The files of grades: JSON for the next run, CSV for the class, and Gradescope's results."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from .. import __version__
from ..errors import LmcourseError
from ..report.files import write_text
from ..report.json_files import read_json, write_json
from .class_grades import Grade, grade_of
from .scheme import Scheme
from .scores import TaskScore

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the start of a formula."""


def read_grades(path: Path, *, hints: bool) -> dict[str, Grade]:
    """Read the grades of an earlier run, by student; none if there is no such file.

    None are read either if hints are wanted and the file has none.

    Raises:
        LmcourseError: The file is of another kind, and would be lost.
    """
    if not path.exists():
        return {}
    try:
        content = read_json(path)
        if not isinstance(content, Mapping) or not isinstance(content.get("students"), list):
            raise LmcourseError("it has no students")
        grades = {grade.student: grade for grade in map(grade_of, content["students"])}
    except LmcourseError as error:
        raise LmcourseError(
            f"{path} is not a file of grades, and would be overwritten: name another with --json"
        ) from error
    return grades if content.get("hints") or not hints else {}


def write_grades(path: Path, grades: Sequence[Grade], scheme: Scheme, *, hints: bool) -> None:
    """Write the grades, by which the next run knows what has not changed.

    Raises:
        LmcourseError: The file cannot be written.
    """
    students = [grade.record for grade in grades]
    head = {"version": __version__, "points": scheme.points, "max_score": scheme.max_score}
    write_json(path, {**head, "hints": hints, "students": students})


def write_class_table(path: Path, grades: Sequence[Grade], scheme: Scheme) -> None:
    """Write a row per student and a column per task as CSV.

    A name that a spreadsheet would compute as a formula has an apostrophe before it.

    Raises:
        LmcourseError: The file cannot be written.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["student", "score", "max_score", *scheme.points, "message"])
    for grade in grades:
        points = [grade.score.tasks[name].total for name in scheme.points]
        names = [_cell(grade.student), _cell(grade.score.message)]
        writer.writerow([names[0], grade.score.total, scheme.max_score, *points, names[1]])
    write_text(path, text.getvalue())


def _cell(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def write_gradescope(path: Path, grade: Grade, scheme: Scheme) -> None:
    """Write the results.json of Gradescope for one student: a test per part of each task.

    Raises:
        LmcourseError: The file cannot be written.
    """
    content: dict[str, Any] = {
        "score": grade.score.total,
        "stdout_visibility": "hidden",
        "tests": list(_tests(grade, scheme)),
    }
    if grade.score.message:
        content["output"] = grade.score.message
    write_json(path, content)


def _tests(grade: Grade, scheme: Scheme) -> Iterator[dict[str, Any]]:
    for name, parts in scheme.points.items():
        task = grade.score.tasks[name]
        text = _text(task)
        for part, most in parts.items():
            right = task.points[part] >= most
            test: dict[str, Any] = {
                "name": f"{name}: {part}",
                "score": task.points[part],
                "max_score": most,
                "status": "passed" if right else "failed",
                "visibility": "visible",
            }
            yield test | ({"output": text} if text and not right else {})


def _text(task: TaskScore) -> str:
    lines = [task.message, *(f"most likely: {mistake}" for mistake in task.likely)]
    return "\n".join(filter(None, lines))
