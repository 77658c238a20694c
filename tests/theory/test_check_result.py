"""A check passes if every row agrees, and fails otherwise."""

import html
import math

import pytest
import torch

from hf_lmcourse.theory.check_result import CheckResult, Row, Table, below, same, simulated

ONE = torch.ones(2, 2, dtype=torch.float64)


@pytest.mark.parametrize(
    "row",
    [
        same("equal", ONE, ONE.clone()),
        same("almost equal", ONE, ONE + 1e-11),
        same("numbers", 0.5, 0.5),
        same("loosely", 0.5, 0.6, allowed=0.2),
        below("lower", 1.0, 2.0),
    ],
    ids=lambda row: row.quantity,
)
def test_rows_that_agree_pass(row: Row) -> None:
    assert row.ok and CheckResult([row]).ok


@pytest.mark.parametrize(
    "row",
    [
        same("one entry apart", ONE, ONE + torch.tensor([[0, 0], [0, 1e-9]])),
        same("same norm, other entries", ONE, -ONE),
        same("broadcastable", ONE, ONE[0]),
        same("not a number", ONE, ONE * math.nan),
        same("numbers apart", 0.5, 0.6),
        below("higher", 2.0, 1.0),
        below("nan below", math.nan, 1.0),
    ],
    ids=lambda row: row.quantity,
)
def test_rows_that_do_not_agree_fail(row: Row) -> None:
    assert not row.ok
    assert not CheckResult([same("good", 1.0, 1.0), row]).ok


def test_a_result_without_rows_fails() -> None:
    assert not CheckResult([]).ok


def test_a_tensor_is_shown_by_its_norm_and_shape() -> None:
    row = same("ones", ONE, 2 * ONE)
    assert (row.quantity, row.ours, row.reference, row.difference) == ("ones (2, 2)", 2, 4, 1)


def test_a_simulation_is_allowed_its_standard_errors() -> None:
    samples = torch.tensor([0.0, 1.0] * 5000, dtype=torch.float64)
    standard_error = samples.std().item() / 100
    assert simulated("mean", 0.5 + 4.9 * standard_error, samples).ok
    assert not simulated("mean", 0.5 + 5.1 * standard_error, samples).ok


def test_a_result_is_its_table_wherever_it_is_shown() -> None:
    table = Table("measured <here>", ("unit", "tokens"), [("words", 12_345)])
    result = CheckResult([same("equal", 1.0, 1.0), below("lower", 3.0, 2.0)], [table])
    text = str(result)
    assert repr(result) == text
    assert result._repr_html_() == f"<pre>{html.escape(text)}</pre>" != f"<pre>{text}</pre>"
    assert "12,345" in text and "1 of 2 checks FAILED" in text
    rows = {line.split()[0]: line.split()[-1] for line in text.splitlines() if line}
    assert (rows["equal"], rows["lower"]) == ("ok", "FAILED")
