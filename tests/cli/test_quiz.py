"""`lmcourse quiz`: questions are asked, answered and printed."""

import io

import pytest

from hf_lmcourse.theory.quiz import quiz

from .commands import lmcourse


def test_answers_are_read_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, *rest = quiz("softmax")
    wrong = "abcd".replace(second.letter, "")[0]
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{first.letter.upper()})\n{wrong}\n"))
    outcome = lmcourse("quiz", "softmax")
    assert (outcome.status, outcome.err) == (0, "")
    assert f"right: {first.reason}" in outcome.out
    assert f"answer: {second.letter}) {second.choices[second.right]}" in outcome.out
    assert rest[0].question in outcome.out and outcome.out.endswith("1 of 2 right\n")


def test_questions_are_printed_with_their_answers() -> None:
    outcome = lmcourse("quiz", "--answers", "--seed", 3)
    assert outcome.status == 0
    for question in quiz(seed=3):
        assert str(question) in outcome.out and question.reason in outcome.out
        assert f"answer: {question.letter}) {question.choices[question.right]}" in outcome.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("softmx",), "did you mean softmax?"),
        (("--count", "0"), "--count must be at least 1"),
        (("--seed", "-1"), "--seed must be at least 0"),
    ],
)
def test_bad_words_are_reported_in_one_line(words: tuple[str, ...], message: str) -> None:
    assert message in lmcourse("quiz", *words).complaint
