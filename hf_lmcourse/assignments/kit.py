"""The kit of an assignment: a folder for students, one with the solutions, and the points."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

import yaml

from ..checking import check_file
from ..errors import LmcourseError, reason
from .blanks import solution, starter
from .question_notebook import notebook
from .question_pages import contents_page, page_name, question_page
from .specification import Assignment

STARTER, SOLUTION, POINTS = "starter", "solution", "points.yaml"
"""What a kit consists of."""


def make_kit(assignment: Assignment, out: Path) -> None:
    """Write a kit, if its solutions pass the check of every task and its starter files of none.

    Args:
        assignment: The assignment.
        out: A folder that does not exist or is empty. It is written whole or not at all.

    Raises:
        LmcourseError: A solution does not pass or a starter file does, a mark has no other end, or
            the folder cannot be written.
    """
    out = out.absolute()  # "." has a parent too
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise LmcourseError(f"{out} exists and is not an empty folder: name another")
    marked = {
        name: _source(assignment.folder / name)
        for name in (*assignment.files, *assignment.code_files)
    }
    for name in assignment.code_files:
        if starter(marked[name], name) == marked[name]:
            raise LmcourseError(f"{assignment.folder / name} has no BEGIN SOLUTION to cut out")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=".lmcourse-") as name:
            kit = Path(name, "kit")  # with the permissions of any folder, unlike the temporary one
            _write(kit, assignment, marked)
            _check_solutions(assignment, kit / SOLUTION)
            _check_starters(assignment, kit / STARTER)
            if out.exists():
                out.rmdir()
            kit.rename(out)
    except OSError as error:
        raise LmcourseError(f"cannot write {out}: {reason(error)}") from error


def _source(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise LmcourseError(f"cannot read {path}: {reason(error)}") from error


def _write(kit: Path, assignment: Assignment, marked: Mapping[str, str]) -> None:
    starters = {name: starter(source, name) for name, source in marked.items()}
    solutions = {name: solution(source) for name, source in marked.items()}
    for folder, sources in ((STARTER, starters), (SOLUTION, solutions)):
        answers = folder == SOLUTION
        (kit / folder / "questions").mkdir(parents=True)
        contents = {
            **sources,
            "README.md": contents_page(assignment),
            "assignment.ipynb": notebook(assignment, sources, with_answers=answers),
        }
        for number, question in enumerate(assignment.questions, start=1):
            page = question_page(number, question, with_answer=answers)
            contents[f"questions/{page_name(number, question)}"] = page
        for name, text in contents.items():
            (kit / folder / name).write_text(text, encoding="utf-8", newline="\n")
    (kit / POINTS).write_text(points(assignment), encoding="utf-8", newline="\n")


def points(assignment: Assignment) -> str:
    """Write the points of the tasks for `lmcourse grade`; a written answer is graded by hand."""
    tasks = {q.task: dict(q.points) for q in assignment.questions if isinstance(q.points, Mapping)}
    salt = {"salt": assignment.salt} if assignment.salt else {}
    return yaml.safe_dump({"points": tasks} | salt, sort_keys=False)


def _check_solutions(assignment: Assignment, folder: Path) -> None:
    for name in assignment.code_files:
        verdicts = {verdict.task: verdict for verdict in check_file(folder / name)}
        for task in _tasks(assignment, name):
            if task not in verdicts:
                raise LmcourseError(f"{assignment.folder / name} has no function for {task}")
            verdict = verdicts[task]
            if not verdict.agrees:
                mistake = next(iter(verdict.likely), verdict.message)
                raise LmcourseError(
                    f"the solution of {task} in {assignment.folder / name} is wrong: {mistake}"
                )


def _check_starters(assignment: Assignment, folder: Path) -> None:
    for name in assignment.code_files:
        verdicts = {verdict.task: verdict for verdict in check_file(folder / name)}
        for task in _tasks(assignment, name):
            if task not in verdicts:
                raise LmcourseError(
                    f"{assignment.folder / name} without its solutions has no function for {task}: "
                    "mark its body, not its first line"
                )
        for verdict in verdicts.values():
            if verdict.agrees:
                raise LmcourseError(
                    f"{assignment.folder / name} without its solutions passes the check of "
                    f"{verdict.task}: mark more of it as a solution"
                )


def _tasks(assignment: Assignment, file: str) -> list[str]:
    return [question.task for question in assignment.questions if question.file == file]
