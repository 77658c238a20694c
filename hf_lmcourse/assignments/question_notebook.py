"""An assignment as a Jupyter notebook, in which the files are written and checked."""

from collections.abc import Mapping
from typing import Any

from ..report.json_files import json_text
from .question_pages import question_page
from .specification import Assignment


def notebook(assignment: Assignment, sources: Mapping[str, str], *, with_answers: bool) -> str:
    """Write the notebook, in version 4.5 of the format.

    The page of each question is a cell. After the last question of a file comes a cell that writes
    it, and one that checks it.

    Args:
        assignment: The assignment.
        sources: The files by name.
        with_answers: Add the answers to the questions.
    """
    introduction = f"# {assignment.title}\n\n{assignment.introduction}".strip()
    copied = [_code(f"%%writefile {name}\n{sources[name]}") for name in assignment.files]
    cells = [_cell("markdown", introduction), *copied]
    last = {question.file: question for question in assignment.questions if question.file}
    for number, question in enumerate(assignment.questions, start=1):
        page = question_page(number, question, with_answer=with_answers)
        cells.append(_cell("markdown", "#" + page.replace("\n## ", "\n### ")))
        if question is last.get(question.file):
            cells.append(_code(f"%%writefile {question.file}\n{sources[question.file]}"))
            cells.append(_code(f"!lmcourse check {question.file}"))
        elif not question.task and not with_answers:
            cells.append(_cell("markdown", "*Your answer:*"))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    content = {
        "cells": [{**cell, "id": f"cell-{number}"} for number, cell in enumerate(cells)],
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json_text(content)


def _cell(kind: str, source: str) -> dict[str, Any]:
    lines = source.rstrip("\n").splitlines(keepends=True)
    return {"cell_type": kind, "metadata": {}, "source": lines}


def _code(source: str) -> dict[str, Any]:
    return _cell("code", source) | {"execution_count": None, "outputs": []}
