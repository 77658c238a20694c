"""Relative errors, and the messages for answers that match no known mistake."""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from hf_lmcourse.checking import TASKS, Verdict
from hf_lmcourse.checking.child import Answer
from hf_lmcourse.checking.compare import judge, relative_error
from hf_lmcourse.checking.report import report

LSTM = TASKS["lstm_step"]


def changed(change: Callable[[Answer], Answer]) -> Verdict:
    """The verdict on the right answers after a change."""
    cases = LSTM.cases(0)
    return judge(LSTM, cases, [change(LSTM.answer(LSTM.reference, case)) for case in cases])


def with_gradients(answer: Answer, **gradients: Tensor) -> Answer:
    return replace(answer, gradients={**(answer.gradients or {}), **gradients})


def test_the_relative_error_is_measured_by_the_largest_entry() -> None:
    ours = torch.tensor([[4.0, 0.001]], dtype=torch.float64)
    assert relative_error(ours, ours) == 0
    assert relative_error(ours + torch.tensor([0.0, 0.4]), ours) == pytest.approx(0.1)
    assert relative_error(ours.t(), ours) == math.inf
    assert relative_error(ours * math.nan, ours) == math.inf
    assert relative_error(ours * math.inf, ours) == math.inf
    assert relative_error(ours * math.nan, ours * math.nan) == 0


def test_float32_agrees_and_is_remarked() -> None:
    found = changed(lambda a: replace(a, values=[v.float().double() for v in a.values]))
    assert found.agrees
    assert "values go through float32" in found.message


def test_values_only_are_remarked() -> None:
    found = changed(lambda a: replace(a, gradients=None))
    assert found.agrees
    assert found.message == "only values were compared: the result is not a torch tensor"
    assert [d.quantity for d in found.differences] == ["h'", "c'"]


def test_a_gradient_that_differs_is_reported_with_its_block() -> None:
    def wrong(answer: Answer) -> Answer:
        assert answer.gradients is not None
        d_b = answer.gradients["b"].clone()
        d_b.chunk(4)[2].mul_(2)
        return with_gradients(answer, b=d_b)

    found = changed(wrong)
    assert found.agrees is False and not found.likely
    assert found.message.startswith("the values agree, but dJ/db differs by")
    assert ", most in the rows of g (" in found.message


def test_missing_gradients_are_reported() -> None:
    def cut(answer: Answer) -> Answer:
        gradients = {n: g for n, g in (answer.gradients or {}).items() if n not in ("c", "U")}
        return replace(answer, gradients=gradients)

    assert "no gradient reaches c, U: is a tensor detached" in changed(cut).message


def test_a_shape_is_reported_with_the_right_one() -> None:
    found = changed(lambda a: replace(a, values=[a.values[0].t(), a.values[1]]))
    assert "h' has the shape (4, 2), but must have (2, 4)" in found.message
    assert found.message.endswith(": is it transposed?")


def test_values_that_are_not_finite_are_reported() -> None:
    found = changed(lambda a: replace(a, values=[a.values[0], a.values[1] / 0]))
    assert "c' is nan or infinite in 9 of 9 entries (batch 3" in found.message


def test_an_exception_in_some_cases_is_reported_with_their_number() -> None:
    def raised(answer: Answer) -> Answer:
        return answer if answer.values[0].shape == (3, 3) else Answer(error="it broke")

    found = changed(raised)
    assert found.agrees is False
    assert "it broke (in 11 of 12 cases, first with batch 2, input size 3" in found.message
    assert "it broke (in every case" in changed(lambda a: Answer(error="it broke")).message


def test_the_report_says_what_was_compared_and_sums_up() -> None:
    right = changed(lambda a: a)
    wrong = changed(lambda a: replace(a, values=a.values[::-1]))
    text = report([right, wrong, Verdict("gru_step", None, message="not run")])
    lines = text.splitlines()
    assert lines[0] == "lstm_step: agrees" and lines[-1] == "1 of 3 agree"
    assert "  most likely: h' and c' are returned in the wrong order" in lines
    assert "gru_step: NOT COMPARED" in lines and "  not run" in lines
    assert sum(line.strip().startswith("h' ") and "  ok  " in line for line in lines) == 1
    assert sum(line.strip().startswith("h' ") and "  WRONG  " in line for line in lines) == 1


def test_the_report_says_if_the_network_was_open() -> None:
    closed = Verdict("lstm_step", True)
    assert "network" not in report([closed])
    assert "network" in report([closed, replace(closed, isolated=False)])
