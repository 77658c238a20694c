"""The specification of an assignment: a YAML file next to the solutions.

title: Recurrent networks
introduction: Markdown that precedes the questions.     optional
files: [adapters.py]                files that are copied too, optional
salt: spring                        for the grader's seeds, optional
questions:
  - name: lstm                      of its page
    title: One step of the LSTM
    text: Markdown.
    task: lstm_step                 of `lmcourse check`, for a question that is answered in code
    file: recurrence.py             the marked solution with that function
    points: {values: 2, gradients: 2, shapes: 1}
  - name: softmax
    title: The gradient of the softmax
    text: Markdown.
    theory: softmax                 an item of `lmcourse theory`, whose derivation is the answer
    answer: Markdown.               with it or in its place
    points: 3
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ..checking import find_task
from ..errors import LmcourseError, nearest
from ..runs.yaml_files import read_yaml
from ..theory.items import demand_item

PARTS = ("values", "gradients", "shapes")
"""What the points of a task are given for."""

FILE_NAME = "assignment.yaml"
PAGES = ("README.md", "assignment.ipynb")
"""What is written next to the files of an assignment."""


@dataclass(frozen=True)
class Question:
    """A question.

    Attributes:
        name: The name of its page.
        title: A few words.
        text: What is asked, as Markdown.
        points: For the parts of a task by name, or for a written answer.
        task: The task that the answer is checked as; empty for a written answer.
        file: The name of the file with the function.
        theory: The item of the theory with the derivation; empty for none.
        answer: The answer, as Markdown.
    """

    name: str
    title: str
    text: str
    points: Mapping[str, float] | float
    task: str = ""
    file: str = ""
    theory: str = ""
    answer: str = ""

    @property
    def total(self) -> float:
        """The points of the question."""
        return sum(self.points.values()) if isinstance(self.points, Mapping) else self.points


@dataclass(frozen=True)
class Assignment:
    """An assignment.

    Attributes:
        folder: The folder of the specification and the solutions.
        title: A few words.
        questions: In their order.
        introduction: What precedes them, as Markdown.
        files: Files that are copied next to those of the questions.
        salt: What the grader's seeds depend on; empty for none.
    """

    folder: Path
    title: str
    questions: tuple[Question, ...]
    introduction: str = ""
    files: tuple[str, ...] = ()
    salt: str = ""

    @property
    def code_files(self) -> list[str]:
        """The files with answers, in the order of the questions."""
        return list(dict.fromkeys(question.file for question in self.questions if question.file))

    @property
    def total(self) -> float:
        """The points of all questions."""
        return sum(question.total for question in self.questions)


def read_assignment(path: Path) -> Assignment:
    """Read a specification, and check all of it.

    Raises:
        LmcourseError: The file cannot be read; an entry is missing, unknown or of a wrong type; or
            a task, a file or an item of the theory does not exist.
    """
    content = _Entry(str(path), read_yaml(str(path)), Assignment, ("title", "questions"))
    entries = content.value("questions", list)
    places = [f"question {number} of {path}" for number in range(1, len(entries) + 1)]
    questions = tuple(map(_question, places, entries))
    for key in ("name", "task"):
        values = [getattr(question, key) for question in questions if getattr(question, key)]
        for value in values:
            if values.count(value) > 1:
                raise LmcourseError(f"{path} has two questions with the {key} {value}")
    if not any(question.task for question in questions):
        raise LmcourseError(f"{path} has no question with a task, so there is nothing to check")
    names = content.value("files", list, [])
    assignment = Assignment(
        path.parent,
        content.text("title"),
        questions,
        content.text("introduction"),
        tuple(map(str, names)),
        content.text("salt"),
    )
    for name in (*assignment.files, *assignment.code_files):
        if name in PAGES:
            raise LmcourseError(f"{path} names {name}, which is written for every assignment")
        if Path(name).name != name or not (path.parent / name).is_file():
            raise LmcourseError(f"{path} names {name!r}, which is not a file next to it")
    return assignment


@dataclass(frozen=True)
class _Entry:
    """A mapping of the file, whose keys are the fields of a class; with sentences for errors."""

    where: str
    content: Any
    kind: type
    needed: Sequence[str]

    def __post_init__(self) -> None:
        known = [field.name for field in fields(self.kind) if field.name != "folder"]
        if not isinstance(self.content, dict):
            raise LmcourseError(f"{self.where} must have entries such as {', '.join(self.needed)}")
        for key in self.content:
            if key not in known:
                near = nearest(str(key), known)
                hint = f"did you mean {near}?" if near else f"there are {', '.join(known)}"
                raise LmcourseError(f"{self.where} has an unknown entry {str(key)!r}: {hint}")
        for key in self.needed:
            if self.content.get(key) in (None, "", []):
                raise LmcourseError(f"{self.where} has no {key}")

    def value(self, key: str, kind: type, default: Any = None) -> Any:
        found = self.content.get(key, default)
        if not isinstance(found, kind):
            raise LmcourseError(f"{self.where}: {key} must be a {kind.__name__}, not {found!r}")
        return found

    def text(self, key: str) -> str:
        return str(self.value(key, str, "")).strip()


def _question(where: str, content: Any) -> Question:
    entry = _Entry(where, content, Question, ("name", "title", "text", "points"))
    texts = {key: entry.text(key) for key in ("name", "title", "text", "task", "file", "theory")}
    question = Question(points=content["points"], answer=entry.text("answer"), **texts)
    if not re.fullmatch(r"[a-z0-9_]+", question.name):
        raise LmcourseError(f"{where}: name must have small letters, digits and _ alone")
    if bool(question.task) != bool(question.file):
        raise LmcourseError(f"{where} has one of task and file: a question in code needs both")
    if not (question.task or question.theory or question.answer):
        raise LmcourseError(f"{where} has no answer: add a task and a file, theory, or answer")
    if question.theory:
        demand_item(question.theory)
    if question.task:
        _check_parts(where, question.task, question.points)
    elif not _is_points(question.points):
        raise LmcourseError(f"{where}: points must be a number of at least 0")
    return question


def _check_parts(where: str, task: str, points: Any) -> None:
    """Refuse points for parts that a task does not have."""
    differentiable = find_task(task).differentiable
    parts = [part for part in PARTS if differentiable or part != "gradients"]
    if not isinstance(points, dict) or not points:
        raise LmcourseError(f"{where}: points must be for parts, such as {{values: 2}}")
    for part, value in points.items():
        if part not in parts:
            raise LmcourseError(f"{where}: {task} has no part {part!r}: it has {', '.join(parts)}")
        if not _is_points(value):
            raise LmcourseError(f"{where}: points of {part} must be a number of at least 0")


def _is_points(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and 0 <= value and math.isfinite(value)
