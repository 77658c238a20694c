"""A specification is read whole, and what is wrong in it is named."""

from pathlib import Path
from typing import Any

import pytest

from hf_lmcourse import LmcourseError
from hf_lmcourse.assignments.specification import read_assignment

from .specifications import content, written


def test_a_specification_is_read(tmp_path: Path) -> None:
    assignment = read_assignment(written(tmp_path))
    assert [question.name for question in assignment.questions] == ["elman", "softmax", "gru"]
    assert [question.total for question in assignment.questions] == [4.5, 3, 4]
    assert (assignment.total, assignment.salt) == (11.5, "pepper")
    assert assignment.code_files == ["steps.py"] and assignment.files == ("adapters.py",)
    assert assignment.questions[1].theory == "softmax"


def changed(number: int, **changes: Any) -> dict[str, Any]:
    """The specification with other entries in one question; None removes one."""
    spec = content()
    entries = {**spec["questions"][number], **changes}
    spec["questions"][number] = {key: v for key, v in entries.items() if v is not None}
    return spec


WRONG: dict[str, tuple[Any, str]] = {
    "no mapping": (["a"], "title"),
    "no title": (content(title=""), "no title"),
    "no questions": (content(questions=[]), "no questions"),
    "questions of another type": (content(questions={"a": 1}), "questions must be a list"),
    "an unknown entry": (content(question=[]), "did you mean questions"),
    "an entry that is no text": (content(introduction=["a"]), "introduction must be a str"),
    "a question that is no mapping": (content(questions=["a"]), "question 1 of .* name"),
    "an unknown entry of a question": (changed(1, anwser="x"), "question 2 of .*mean answer"),
    "a question without text": (changed(0, text=None), "question 1 of .* no text"),
    "an unknown task": (changed(0, task="elman"), "no task 'elman'"),
    "a task without a file": (changed(0, file=None), "task and file"),
    "a file without a task": (changed(1, file="steps.py"), "task and file"),
    "no answer": (changed(1, theory=None, answer=None), "question 2 of .*no answer"),
    "an unknown item": (changed(1, theory="softmx"), "did you mean softmax"),
    "an unknown part": (changed(0, points={"value": 1}), "no part 'value'.*values"),
    "points of a task without parts": (changed(0, points=3), "parts"),
    "negative points": (changed(0, points={"values": -1}), "at least 0"),
    "infinite points": (changed(1, points=float("inf")), "at least 0"),
    "points that are no number": (changed(1, points=True), "at least 0"),
    "parts of a written answer": (changed(1, points={"values": 1}), "number"),
    "a name that is no name of a file": (changed(1, name="../up"), "small letters"),
    "a name twice": (changed(1, name="elman"), "two questions with the name elman"),
    "a task twice": (changed(2, task="elman_step"), "two questions with the task"),
    "a missing file": (changed(0, file="stepz.py"), "'stepz.py'"),
    "a file elsewhere": (content(files=["../assignment.yaml"]), "not a file next to it"),
    "a file that is written": (content(files=["README.md"]), "README.md"),
    "no code": (content(questions=[content()["questions"][1]]), "nothing to check"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_named(what: str, tmp_path: Path) -> None:
    spec, words = WRONG[what]
    with pytest.raises(LmcourseError, match=words) as raised:
        read_assignment(written(tmp_path, spec))
    assert len(str(raised.value).replace(str(tmp_path), "")) < 300


def test_gradients_give_points_only_if_the_task_has_them(tmp_path: Path) -> None:
    spec = changed(0, task="softmax_gradient", points={"values": 1, "gradients": 1})
    with pytest.raises(LmcourseError, match="softmax_gradient has no part 'gradients'"):
        read_assignment(written(tmp_path, spec))
