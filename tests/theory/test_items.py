"""Every item has a statement, and its check passes."""

import inspect
from importlib import import_module
from pathlib import Path

import pytest

from hf_lmcourse import LmcourseError, theory
from hf_lmcourse.theory.items import ITEMS, run_check, statement

REDUCED = {"causal_mask": {"block": 16, "steps": 200}}
"""Sizes of the checks that take long; in full they are slow tests."""


@pytest.mark.parametrize("item", ITEMS)
def test_every_check_passes(item: str) -> None:
    check = import_module(f"hf_lmcourse.theory.checks.{item}").check
    result = check(**REDUCED[item]) if item in REDUCED else run_check(item)
    assert [row for row in result.rows if not row.ok] == []
    assert result.ok


@pytest.mark.slow
@pytest.mark.parametrize("item", REDUCED)
def test_every_check_passes_in_full(item: str) -> None:
    assert run_check(item).ok


@pytest.mark.parametrize("item", ITEMS)
def test_every_item_has_a_statement_with_its_sources(item: str) -> None:
    text = statement(item)
    assert "Source" in text and " = " in text
    assert text.splitlines()[0].endswith(".")


def test_every_check_belongs_to_an_item() -> None:
    assert theory.__file__ is not None
    folder = Path(theory.__file__).parent / "checks"
    assert {path.stem for path in folder.glob("*.py")} == {*ITEMS, "__init__", "references"}


@pytest.mark.parametrize("item", ITEMS)
def test_no_derivation_uses_automatic_differentiation(item: str) -> None:
    source = inspect.getsource(import_module(f"hf_lmcourse.theory.{item}"))
    assert not any(
        word in source for word in ("autograd", "backward(", "requires_grad", "torch.nn")
    )


@pytest.mark.parametrize(
    ("word", "hint"),
    [("softmx", "did you mean softmax?"), ("simple-rnn", "simple_rnn?"), ("zzz", "choose from")],
)
def test_an_unknown_item_is_reported_with_the_nearest(word: str, hint: str) -> None:
    for function in (statement, run_check):
        with pytest.raises(LmcourseError) as caught:
            function(word)
        assert word in str(caught.value) and hint in str(caught.value)
