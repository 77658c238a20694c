"""The pages of an assignment as Markdown: one per question, and one that lists them."""

from collections.abc import Mapping

from ..report.tables import markdown_table
from ..theory.items import latex_in_markdown
from .specification import Assignment, Question


def page_name(number: int, question: Question) -> str:
    """The name of the page of a question, counted from 1."""
    return f"{number:02}_{question.name}.md"


def question_page(number: int, question: Question, *, with_answer: bool) -> str:
    """Write the page of a question.

    Args:
        number: The place of the question, from 1.
        question: The question.
        with_answer: Add the answer and the derivation.
    """
    title = f"# {number}. {question.title} ({points_text(question)})"
    parts = [title, question.text]
    if question.task:
        parts.append(
            f"Write `{question.task}` in `{question.file}`, and check it with\n\n"
            f"    lmcourse check {question.file} --task {question.task}"
        )
    if with_answer:
        parts += ["## Answer", *_answer(question)]
    return "\n\n".join(parts) + "\n"


def contents_page(assignment: Assignment) -> str:
    """Write the page with the introduction and the list of questions."""
    rows = [
        (
            str(number),
            f"[{question.title}](questions/{page_name(number, question)})",
            f"`{question.file}`" if question.file else "in writing",
            f"{question.total:g}",
        )
        for number, question in enumerate(assignment.questions, start=1)
    ]
    total = ("", "", "", f"{assignment.total:g}")
    table = markdown_table(("", "question", "answer", "points"), [*rows, total])
    parts = [f"# {assignment.title}", assignment.introduction, table]
    return "\n\n".join(part for part in parts if part) + "\n"


def points_text(question: Question) -> str:
    """The points of a question in words."""
    total = f"{question.total:g} point" + ("" if question.total == 1 else "s")
    if not isinstance(question.points, Mapping):
        return total
    parts = ", ".join(f"{name} {value:g}" for name, value in question.points.items())
    return f"{total}: {parts}"


def _answer(question: Question) -> list[str]:
    code = [f"The function is in [{question.file}](../{question.file})."] if question.file else []
    theory = [latex_in_markdown(question.theory).strip()] if question.theory else []
    return [*code, *([question.answer] if question.answer else []), *theory]
