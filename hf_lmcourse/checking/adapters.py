"""A student's names, order of arguments and layouts: the file adapters.py.

It has one assignment, which is read and not run:

    ADAPTERS = {
        "lstm_step": {
            "function": "my_lstm",                         the name of the function or class
            "arguments": ["W", "U", "b", "x", "h", "c"],   the order in which it takes them
            "outputs": ["c'", "h'"],                       the order in which it returns them
            "blocks": ["i", "f", "o", "g"],                the order of the blocks of rows
            "layouts": {"W": "transposed", "b": "row"},    what is stored in another way
            "attributes": {"W": "linear.weight"},          where a class keeps a parameter
        },
    }

Names are those of the task, and what is not there is as in the template. Among the arguments `W.i`
is the block i of W, for a function that takes the matrix of every gate by itself. The layouts are

    transposed    the first two axes are swapped: (columns, rows), or (length, batch, size)
    row, column   a vector of n numbers has the shape (1, n), or (n, 1)
"""

import ast
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..errors import LmcourseError, nearest
from .runner import read_source
from .task import Task
from .tasks import find_task

Adapter = Mapping[str, Any]
"""The entries of the module docstring for one task, ready for JSON."""

FILE_NAME = "adapters.py"
_LAYOUTS = ("transposed", "row", "column")
_KEYS = {
    "function": str,
    "arguments": list,
    "outputs": list,
    "blocks": list,
    "layouts": dict,
    "attributes": dict,
}


def read_adapters(path: Path) -> dict[str, Adapter]:
    """Read the assignment of a file without running it, and check its names.

    Returns:
        The adapters by task; none if the file assigns no `ADAPTERS`.

    Raises:
        LmcourseError: The file cannot be read, or an entry does not fit its task.
    """
    adapters: dict[str, Adapter] = {}
    for name, entry in _assigned(path).items():
        if not isinstance(entry, dict):
            raise LmcourseError(f"{path}: the adapter of {name} must be a dictionary")
        task = find_task(str(name))
        adapter = {key: list(v) if isinstance(v, tuple) else v for key, v in entry.items()}
        if problem := _problem(task, adapter):
            raise LmcourseError(f"{path}: the adapter of {task.name} {problem}")
        adapters[task.name] = adapter
    return adapters


def _assigned(path: Path) -> dict[Any, Any]:
    for node in read_source(path).body:
        if not isinstance(node, ast.Assign):
            continue
        if any(isinstance(target, ast.Name) and target.id == "ADAPTERS" for target in node.targets):
            try:
                value = ast.literal_eval(node.value)
            except (ValueError, TypeError) as error:
                value = error
            if isinstance(value, dict):
                return value
            raise LmcourseError(
                f"line {node.lineno} of {path}: ADAPTERS must be a dictionary, written out, of "
                "strings, lists and dictionaries"
            )
    return {}


def _problem(task: Task, adapter: dict[Any, Any]) -> str:
    """Return what is wrong with an adapter, in words that follow its name."""
    for key, value in adapter.items():
        if key not in _KEYS:
            near = nearest(str(key), _KEYS)
            hint = f"did you mean {near}?" if near else f"there are {', '.join(_KEYS)}"
            return f"has an unknown entry {key!r}: {hint}"
        if not isinstance(value, _KEYS[key]):
            return f"has an entry {key} that must be a {_KEYS[key].__name__}"
    return _wrong_order(task, adapter) or _wrong_names(task, adapter)


def _wrong_order(task: Task, adapter: Adapter) -> str:
    blocks = next(iter(task.blocks.values()), ())
    arguments = _whole(task, adapter.get("arguments", task.arguments))
    for key, found, wanted in (
        ("blocks", adapter.get("blocks", blocks), blocks),
        ("arguments", arguments, task.arguments),
        ("outputs", adapter.get("outputs", task.outputs), task.outputs),
    ):
        if sorted(map(str, found)) != sorted(wanted):
            names = ", ".join(wanted) if wanted else "nothing: its rows are no blocks"
            return f"must have in {key}, each once: {names}"
    return ""


def _wrong_names(task: Task, adapter: Adapter) -> str:
    for name, layout in adapter.get("layouts", {}).items():
        if name not in (*task.arguments, *task.outputs):
            return f"has in layouts {name!r}, which is no argument or output of the task"
        if layout not in _LAYOUTS:
            return f"has the layout {layout!r} for {name}: choose from {', '.join(_LAYOUTS)}"
    for name, attribute in adapter.get("attributes", {}).items():
        if name not in task.parameters or not isinstance(attribute, str):
            return f"has in attributes {name!r}, which is no parameter of the task, or no name"
    return ""


def _whole(task: Task, arguments: Iterable[Any]) -> list[Any]:
    """Replace the blocks of an argument, if all are there, by the argument itself."""
    whole = list(arguments)
    for name, blocks in task.blocks.items():
        parts = [f"{name}.{block}" for block in blocks]
        if all(part in whole for part in parts):
            whole = [name, *(argument for argument in whole if argument not in parts)]
    return whole
