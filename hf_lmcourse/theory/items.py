"""The questions of the course by name: the statement and the check of each."""

import inspect
import re
from importlib import import_module
from importlib.resources import files

from ..errors import LmcourseError, nearest
from .check_result import CheckResult

ITEMS = (
    "softmax",
    "one_hidden_layer",
    "simple_rnn",
    "backpropagation_through_time",
    "perplexity",
    "bigram_factorisation",
    "attention",
    "noisy_keys",
    "attention_scaling",
    "causal_mask",
    "characters_and_words",
    "softmax_cost",
)
"""Each is a module of this package; its check is the module of the same name in `checks/`, and the
derivation as LaTeX the file of that name in `latex/`."""


_IN_MARKDOWN = {
    r"\\\[\n(.*?)\n\\\]": r"\n$$\n\1\n$$\n",
    r"\\textbf\{((?:[^{}]|\{[^{}]*\})*)\}": r"**\1**",
}
"""What of the LaTeX of a derivation is written otherwise in Markdown; the formulas are the same."""


def statement(item: str) -> str:
    """Return the claim and its derivation: the docstring of the item's module.

    Raises:
        LmcourseError: There is no such item.
    """
    demand_item(item)
    return inspect.getdoc(import_module(f".{item}", __package__)) or ""


def latex(item: str) -> str:
    r"""Return the derivation as LaTeX: text with \[ \] and $ $, which needs the package amsmath.

    Raises:
        LmcourseError: There is no such item.
    """
    demand_item(item)
    return files(__package__).joinpath("latex", f"{item}.tex").read_text("utf-8")


def latex_in_markdown(item: str) -> str:
    r"""Return the derivation as Markdown: what `latex` returns, with $$ for \[ \].

    Raises:
        LmcourseError: There is no such item.
    """
    text = latex(item)
    for pattern, replacement in _IN_MARKDOWN.items():
        text = re.sub(pattern, replacement, text, flags=re.DOTALL)
    return text


def run_check(item: str) -> CheckResult:
    """Compute what the item claims, and the same by another method.

    Raises:
        LmcourseError: There is no such item.
    """
    demand_item(item)
    # imported here because some checks need corpora and models, the derivations only torch
    result: CheckResult = import_module(f".checks.{item}", __package__).check()
    return result


def demand_item(item: str) -> None:
    """Refuse a name that is not an item.

    Raises:
        LmcourseError: There is no such item; the message suggests the nearest.
    """
    if item in ITEMS:
        return
    near = nearest(item.replace("-", "_"), ITEMS)
    hint = f"did you mean {near}?" if near else f"choose from {', '.join(ITEMS)}"
    raise LmcourseError(f"there is no item {item!r}: {hint}")
