"""Every item has a statement, and its check passes."""

import inspect
import re
from importlib import import_module
from pathlib import Path

import pytest

from hf_lmcourse import LmcourseError, theory
from hf_lmcourse.layers import attention as attention_layer
from hf_lmcourse.theory.items import ITEMS, latex, run_check, statement

REDUCED = {"causal_mask": {"block": 8, "steps": 300}}
"""Sizes of the checks that take long; in full they are slow tests.

The text is the help of this Python: of another one, the model learns to copy some 50 steps later.
"""


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
def test_the_latex_of_every_item_is_balanced(item: str) -> None:
    text = latex(item)
    open_ones: list[str] = []
    pairs = {r"\]": r"\[", "}": "{"}
    for token in re.findall(
        r"\\begin\{\w+\}|\\end\{\w+\}|\\[\[\]]|(?<!\\)[{}]|\\left|\\right", text
    ):
        if token in (r"\[", "{", r"\left") or token.startswith(r"\begin"):
            open_ones.append(token)
        else:
            expected = token.replace("end", "begin").replace("right", "left")
            assert open_ones.pop() == pairs.get(token, expected), (token, text)
    assert not open_ones
    displays = text.count(r"\[")
    inline = re.sub(r"\\\[.*?\\\]", "", text, flags=re.DOTALL)
    assert displays >= 2 and "$$" not in text and inline.count("$") % 2 == 0
    for paragraph in inline.split("\n\n"):
        prose = re.sub(r"\$[^$]*\$|\\textbf\{[^}]*\}", "", paragraph)
        assert not set("\\_^&#%{}") & set(prose), prose  # all mathematics is in $ $ or \[ \]
    assert text.isascii()


def test_every_latex_file_belongs_to_an_item() -> None:
    assert theory.__file__ is not None
    folder = Path(theory.__file__).parent / "latex"
    assert {path.stem for path in folder.iterdir()} == set(ITEMS)


def test_the_line_with_the_mask_is_in_the_code() -> None:
    (line,) = re.findall(r"scores = scores\.masked_fill.*", statement("causal_mask"))
    assert line in inspect.getsource(attention_layer.attend)


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
    for function in (statement, latex, run_check):
        with pytest.raises(LmcourseError) as caught:
            function(word)
        assert word in str(caught.value) and hint in str(caught.value)
