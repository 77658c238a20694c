"""A starter file is a solution without its marked lines.

The marks are those of nbgrader and of Otter-Grader, any number of them in a file:

    # BEGIN SOLUTION
    i = torch.sigmoid(a_i)         these lines become YOUR CODE HERE and a NotImplementedError
    # END SOLUTION

    h = torch.tanh(a)  # SOLUTION  becomes h = ...; a return may be marked so too
"""

import ast
import re
from typing import Any

from ..errors import LmcourseError

_BEGIN = re.compile(r"(\s*)#+\s*BEGIN SOLUTION\s*")
_END = re.compile(r"\s*#+\s*END SOLUTION\s*")
_LINE = re.compile(r"(\s*)(\S.*?)\s*#\s*SOLUTION\s*")
_COMMENT = "# YOUR CODE HERE"


def starter(source: str, name: str) -> str:
    """Cut the marked lines out of a source.

    Args:
        source: The solution.
        name: The name of its file, for messages.

    Returns:
        The starter file; the source itself if nothing is marked.

    Raises:
        LmcourseError: A mark has no other end, or a line that is neither an assignment nor a return
            is marked, or what is left is not Python.
    """
    lines: list[str] = []
    begun = 0
    for number, line in enumerate(_lines(source), start=1):
        if begin := _BEGIN.fullmatch(line):
            _demand(not begun, name, number, f"the solution of line {begun} has no END SOLUTION")
            begun = number
            lines += [f"{begin[1]}{_COMMENT}", f"{begin[1]}raise NotImplementedError"]
        elif _END.fullmatch(line):
            _demand(begun > 0, name, number, "there is no BEGIN SOLUTION before this END SOLUTION")
            begun = 0
        elif not begun:
            lines.append(_without_value(line, name, number))
    _demand(not begun, name, begun, "this solution has no END SOLUTION")
    text = "\n".join(lines) + "\n"
    try:
        ast.parse(text)
    except SyntaxError as error:
        raise LmcourseError(
            f"{name} without its solutions is not Python: {error.msg} in line {error.lineno} of "
            "the starter file"
        ) from error
    return text


def solution(source: str) -> str:
    """Return a source without the marks."""
    lines = [
        _LINE.sub(r"\1\2", line) if _LINE.fullmatch(line) else line
        for line in _lines(source)
        if not (_BEGIN.fullmatch(line) or _END.fullmatch(line))
    ]
    return "\n".join(lines) + "\n"


def _lines(source: str) -> list[str]:
    """Split as Python does: a form feed or a line separator in a string ends no line."""
    return source.removesuffix("\n").split("\n")


def _without_value(line: str, name: str, number: int) -> str:
    marked = _LINE.fullmatch(line)
    if marked is None:
        return line
    kept = _before_value(marked[2])
    _demand(bool(kept), name, number, "only a whole assignment or return can be a SOLUTION")
    return f"{marked[1]}{kept} ...  {_COMMENT}"


def _before_value(statement: str) -> str:
    """Return an assignment up to its sign, or the word return; nothing for any other line."""
    try:
        value: Any = getattr(ast.parse(statement).body[0], "value", None)
    except SyntaxError:
        return ""
    if value is None or value.col_offset == 0:  # an expression is its own value
        return ""
    return statement.encode()[: value.col_offset].decode().rstrip(" (")


def _demand(condition: bool, name: str, number: int, problem: str) -> None:
    if not condition:
        raise LmcourseError(f"line {number} of {name}: {problem}")
