"""`lmcourse assignment`: make an assignment for students from a specification and solutions."""

import argparse
from pathlib import Path

from ..assignments.kit import POINTS, SOLUTION, STARTER, make_kit
from ..assignments.shipped import assignments, find_assignment
from ..errors import LmcourseError


def run(arguments: list[str]) -> int:
    """List the assignments of the package, or write the kit of one.

    Args:
        arguments: See `lmcourse assignment --help`.

    Returns:
        The exit status, 0.
    """
    options = _parser().parse_args(arguments)
    if options.action == "list":
        if options.spec is not None:
            raise LmcourseError("lmcourse assignment list takes nothing more")
        print(_list())
        return 0
    if options.out is None:
        raise LmcourseError("name a specification and a folder: lmcourse assignment make SPEC OUT")
    assignment, out = find_assignment(options.spec), Path(options.out)
    make_kit(assignment, out)
    count, total = len(assignment.questions), assignment.total
    print(
        f"{assignment.title}: {count} questions, {total:g} points\n"
        f"  {out / STARTER}: for students; it fails the check of every task\n"
        f"  {out / SOLUTION}: the answers; they pass it\n"
        f"  {out / POINTS}: for the grader"
    )
    return 0


def _list() -> str:
    lines = []
    for assignment in assignments():
        tasks = [question.task for question in assignment.questions if question.task]
        head = f"{len(assignment.questions)} questions, {assignment.total:g} points"
        lines += [f"{assignment.folder.name}: {assignment.title} ({head})"]
        lines += [f"  {', '.join(tasks)}"]
    return "\n".join([*lines, "", "lmcourse assignment make NAME OUT writes one into a folder."])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("lmcourse assignment", description=__doc__)
    add = parser.add_argument
    add("action", choices=["list", "make"], help="List those of the package, or make one.")
    add("spec", nargs="?", help="YAML file of a specification, or a name of the list.")
    add("out", nargs="?", help="New folder for the files of students, the solutions and points.")
    return parser
