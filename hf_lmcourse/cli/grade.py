"""`lmcourse grade`: grade a folder of submissions, a file or a folder per student."""

import argparse
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tqdm.auto import tqdm

from ..checking.report import OPEN_NETWORK
from ..errors import LmcourseError, short
from ..grading.class_grades import Grade, grade_class
from ..grading.grade_files import read_grades, write_class_table, write_grades, write_gradescope
from ..grading.scheme import Scheme, read_scheme
from ..grading.submissions import Submission, find_submissions, single_submission

_SECONDS_BETWEEN_WRITES = 2
_MOST_NAMES = 5


def run(arguments: list[str]) -> int:
    """Grade the submissions, and write the files that are asked for.

    Args:
        arguments: See `lmcourse grade --help`.

    Returns:
        The exit status: 0, or 1 if a submission could not be graded for a reason of ours.
    """
    options = _parser().parse_args(arguments)
    _check(options)
    scheme = read_scheme(options.points)
    submissions = _submissions(options)
    earlier = read_grades(options.json, hints=options.hints) if options.json else {}
    grades = _graded(submissions, scheme, options, earlier)
    if options.csv:
        write_class_table(options.csv, grades, scheme)
    for grade, submission in zip(grades, submissions, strict=True):
        if options.gradescope:
            write_gradescope(_gradescope_file(options.gradescope, submission), grade, scheme)
    print(_summary(grades, scheme))
    return int(any(grade.identity is None for grade in grades))


def _check(options: argparse.Namespace) -> None:
    if not (options.json or options.csv or options.gradescope):
        raise LmcourseError("name a file for the grades: --json grades.json")
    if not 0 < options.time_limit <= 3600:
        raise LmcourseError("--time_limit must be above 0 and at most 3600 seconds")
    if not 1 <= options.processes <= 1000:
        raise LmcourseError("--processes must be from 1 to 1000")


def _submissions(options: argparse.Namespace) -> list[Submission]:
    """Return the submissions of the class; the folder is that of a student for one results.json."""
    if options.gradescope and options.gradescope.suffix == ".json":
        return [single_submission(options.folder)]
    return find_submissions(options.folder)


def _gradescope_file(path: Path, submission: Submission) -> Path:
    return path if path.suffix == ".json" else path / submission.student / "results.json"


def _graded(
    submissions: Sequence[Submission],
    scheme: Scheme,
    options: argparse.Namespace,
    earlier: Mapping[str, Grade],
) -> list[Grade]:
    """Grade the submissions; what is graded by an interruption is in the JSON file."""
    names = [submission.student for submission in submissions]
    grades = {name: earlier[name] for name in names if name in earlier}

    def write() -> None:
        if options.json:
            known = [grades[name] for name in names if name in grades]
            write_grades(options.json, known, scheme, hints=options.hints)

    write()  # before hours of work rather than after them
    written = time.monotonic()
    found = grade_class(
        submissions,
        scheme,
        time_limit=options.time_limit,
        processes=options.processes,
        earlier=earlier,
    )
    try:
        for grade in tqdm(found, "graded", len(names), disable=None, leave=False):
            grades[grade.student] = grade if options.hints else grade.without_hints
            if time.monotonic() - written > _SECONDS_BETWEEN_WRITES:
                write()
                written = time.monotonic()
    finally:
        found.close()
        write()
    return [grades[name] for name in names]


def _summary(grades: Sequence[Grade], scheme: Scheme) -> str:
    totals = [grade.score.total for grade in grades]
    mean = sum(totals) / len(totals)
    kept = sum(grade.kept for grade in grades)
    lines = [
        f"{len(grades)} graded, {kept} of them as before: mean {mean:.4g} of "
        f"{scheme.max_score:g} points, lowest {min(totals):g}, highest {max(totals):g}"
    ]
    messages = [
        f"  {short(grade.student)}: {grade.score.message}"
        for grade in grades
        if grade.score.message
    ]
    lines += messages[:_MOST_NAMES]
    if len(messages) > _MOST_NAMES:
        lines.append(f"  and {len(messages) - _MOST_NAMES} more with a message")
    if not all(grade.score.isolated for grade in grades):
        lines.append(OPEN_NETWORK)
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("lmcourse grade", description=__doc__)
    add = parser.add_argument
    add("folder", type=Path, help="Folder with a Python file or a folder per student.")
    add(
        "--points",
        required=True,
        metavar="FILE",
        help="YAML file with the points for values, gradients and shapes of each task.",
    )
    add(
        "--json",
        type=Path,
        metavar="FILE",
        help="File for all grades; what it has of unchanged submissions is kept.",
    )
    add("--csv", type=Path, metavar="FILE", help="Table of the class: a row per student.")
    add(
        "--gradescope",
        type=Path,
        metavar="PATH",
        help="Folder for a results.json per student; or such a file, if FOLDER is of one student.",
    )
    add(
        "--hints",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="Write what is wrong with each task, and the likely mistake (yes).",
    )
    add(
        "--processes",
        type=int,
        default=os.cpu_count() or 1,
        help="Submissions that run at a time (the number of processors).",
    )
    add(
        "--time_limit",
        type=float,
        default=20,
        help="Seconds allowed for the import of a file, and for each task (20).",
    )
    return parser
