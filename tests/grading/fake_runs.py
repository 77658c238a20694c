"""Files that are not run: their answers are the reference's, but for what their names say."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from hf_lmcourse import LmcourseError
from hf_lmcourse.checking.child import Answer
from hf_lmcourse.checking.results import FileRun
from hf_lmcourse.checking.task import Case, Task


def run_file(
    path: Path, tasks: Sequence[Task], cases: Mapping[str, Sequence[Case]], **_: Any
) -> FileRun:
    """Answer as the lines of the file say, each with the name of a task and what is wrong."""
    words = dict(line.split()[1:] for line in path.read_text().splitlines() if line[:1] == "#")
    if "import" in words:
        raise LmcourseError(f"{path} cannot be imported: {words['import']}")
    run = FileRun(list(words), {name: name for name in words})
    for task in (task for task in tasks if task.name in words):
        wrong = words[task.name]
        if wrong == "hangs":
            run.stopped = (task.name, "not finished after 1 seconds")
            break
        if wrong == "refused":
            run.refused[task.name] = "must take other arguments"
            continue
        answers = [task.answer(task.reference, case) for case in cases[task.name]]
        run.answers[task.name] = [changed(answer, wrong) for answer in answers]
    return run


def changed(answer: Answer, wrong: str) -> Answer:
    """An answer with something wrong."""
    if wrong == "values":
        return replace(answer, values=[value + 1 for value in answer.values])
    if wrong == "gradients":
        return replace(answer, gradients={n: 2 * g for n, g in (answer.gradients or {}).items()})
    if wrong == "numpy":
        return replace(answer, gradients=None)
    if wrong == "shapes":
        return replace(answer, values=[torch.cat([value, value]) for value in answer.values])
    if wrong == "infinite":
        return replace(answer, values=[value / 0 for value in answer.values])
    if wrong == "raises":
        return Answer(error="line 3 of mine.py raised ValueError: \udcff")
    return answer
