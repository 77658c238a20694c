"""`lmcourse quiz`: questions about the theory of the course, with reasons."""

import argparse

from ..errors import LmcourseError
from ..theory.quiz import Question, quiz
from .seeds import check_seed


def run(arguments: list[str]) -> int:
    """Ask questions and read a letter for each; or print them with their answers.

    Args:
        arguments: See `lmcourse quiz --help`.

    Returns:
        The exit status, 0.
    """
    options = _parser().parse_args(arguments)
    check_seed(options.seed)
    if options.count is not None and options.count < 1:
        raise LmcourseError("--count must be at least 1")
    questions = quiz(options.item, options.count, options.seed)
    if options.answers:
        print("\n\n".join(f"{question}\n{_answer(question)}" for question in questions))
    else:
        _ask(questions)
    return 0


def _answer(question: Question) -> str:
    return f"answer: {question.letter}) {question.choices[question.right]}\n{question.reason}"


def _ask(questions: list[Question]) -> None:
    """Ask until all are answered, or the input ends."""
    right = asked = 0
    try:
        for question in questions:
            print(question)
            letter = input("your answer: ").strip().lower().rstrip(")")
            asked += 1
            correct = letter == question.letter
            right += correct
            print(f"right: {question.reason}\n" if correct else f"no. {_answer(question)}\n")
    except EOFError:
        print()
    print(f"{right} of {asked} right")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("lmcourse quiz", description=__doc__)
    add = parser.add_argument
    add("item", nargs="?", help="Only questions about this item of `lmcourse theory`.")
    add("--count", type=int, help="Ask so many, chosen at random (all).")
    add("--answers", action="store_true", help="Print the questions with answers and reasons.")
    add("--seed", type=int, default=0, help="Seed of the order of the choices (0).")
    return parser
