"""The assignments of the package: right solutions, starter files that fail, pages for all."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from hf_lmcourse import LmcourseError
from hf_lmcourse.assignments.blanks import solution, starter
from hf_lmcourse.assignments.kit import make_kit
from hf_lmcourse.assignments.question_notebook import notebook
from hf_lmcourse.assignments.question_pages import question_page
from hf_lmcourse.assignments.shipped import NAMES, assignments, find_assignment
from hf_lmcourse.assignments.specification import Assignment, Question
from hf_lmcourse.checking import find_task
from hf_lmcourse.checking.compare import judge
from hf_lmcourse.cli.main import VERBS
from hf_lmcourse.runs.recipes import find_config

ASSIGNMENTS = {assignment.folder.name: assignment for assignment in assignments()}
QUESTIONS = [
    pytest.param(assignment, question, id=f"{name}-{question.name}")
    for name, assignment in ASSIGNMENTS.items()
    for question in assignment.questions
]
CODE = [case for case in QUESTIONS if case.values[1].task]  # type: ignore[union-attr]


@pytest.fixture
def default_dtype_of_a_check() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def function(assignment: Assignment, question: Question, cut: Any) -> Any:
    source = (assignment.folder / question.file).read_text(encoding="utf-8")
    variables: dict[str, Any] = {}
    exec(cut(source), variables)  # source of the package
    return variables[question.task]


@pytest.mark.parametrize(("assignment", "question"), CODE)
@pytest.mark.usefixtures("default_dtype_of_a_check")
def test_a_solution_agrees_with_the_reference(assignment: Assignment, question: Question) -> None:
    task, candidate = find_task(question.task), function(assignment, question, solution)
    cases = task.cases(11)
    verdict = judge(task, cases, [task.answer(candidate, case) for case in cases])
    assert verdict.agrees, verdict
    assert max(difference.error for difference in verdict.differences) < 1e-9


@pytest.mark.parametrize(("assignment", "question"), CODE)
@pytest.mark.usefixtures("default_dtype_of_a_check")
def test_a_starter_file_answers_nothing(assignment: Assignment, question: Question) -> None:
    task = find_task(question.task)
    candidate = function(assignment, question, lambda source: starter(source, question.file))
    for case in task.cases(11):
        with pytest.raises(Exception):  # noqa: B017  (NotImplementedError, or of an ellipsis)
            task.answer(candidate, case)


@pytest.mark.parametrize(("assignment", "question"), QUESTIONS)
def test_a_page_has_the_answer_only_if_it_should(
    assignment: Assignment, question: Question
) -> None:
    page = question_page(1, question, with_answer=False)
    solved = question_page(1, question, with_answer=True)
    assert page.startswith("# 1. ") and solved.startswith(page.rstrip("\n"))
    assert len(solved) > len(page) + 20
    for text in (page, solved):
        assert text.count("$$") % 2 == 0 and r"\[" not in text and r"\textbf" not in text


def test_every_kind_of_question_is_in_each_assignment() -> None:
    assert tuple(ASSIGNMENTS) == NAMES
    for assignment in ASSIGNMENTS.values():
        assert sum(bool(question.task) for question in assignment.questions) >= 4
        assert sum(bool(question.theory) for question in assignment.questions) >= 3
        sources = {name: "" for name in assignment.code_files}
        assert json.loads(notebook(assignment, sources, with_answers=True))["cells"]


def test_every_recipe_study_and_verb_that_a_question_names_exists() -> None:
    text = " ".join(f"{q.text} {a.introduction}" for a in assignments() for q in a.questions)
    commands = re.findall(r"`lmcourse ([\w-]+)(?: (\w+))?", " ".join(text.split()))
    assert {"train", "study", "check"} <= {verb for verb, _ in commands} <= set(VERBS)
    for verb, name in commands:
        if verb in ("train", "study"):
            folder = "studies" if verb == "study" else ""
            assert Path(find_config(name, folder)[0]).is_file(), name


def test_an_assignment_is_found_by_name_or_by_path(tmp_path: Path) -> None:
    found = find_assignment("attention")
    assert found == find_assignment(str(found.folder / "assignment.yaml"))
    with pytest.raises(LmcourseError, match="did you mean attention"):
        find_assignment("atention")
    with pytest.raises(LmcourseError, match="cannot read"):
        find_assignment(str(tmp_path / "none.yaml"))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_its_kit_is_made(name: str, tmp_path: Path) -> None:
    make_kit(ASSIGNMENTS[name], tmp_path / "kit")
    assert (tmp_path / "kit" / "points.yaml").exists()
