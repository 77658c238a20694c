"""Arguments and outputs in the student's layout and order, as an adapter describes them."""

from collections.abc import Mapping, Sequence
from typing import Any


def laid_out(argument: str, given: Mapping[str, Any], task: Mapping[str, Any]) -> Any:
    """Return an argument as the student's function takes it; `W.i` is the block i of W."""
    adapter = task.get("adapter", {})
    name, _, block = argument.partition(".")
    value, names = given[name], task["blocks"].get(name, ())
    order = [block] if block else adapter.get("blocks", names)
    if names and list(order) != list(names):
        size = len(value) // len(names)
        starts = [size * names.index(one) for one in order]
        value = value[[row for start in starts for row in range(start, start + size)]]
    return _converted(value, adapter.get("layouts", {}).get(name), back=False)


def _converted(value: Any, layout: str | None, *, back: bool) -> Any:
    """Convert an array to a layout, or back from it; what has another shape stays as it is."""
    dimensions = getattr(value, "ndim", 0)
    if layout == "transposed" and dimensions >= 2:
        return value.swapaxes(0, 1)
    if layout in ("row", "column"):
        axis = 0 if layout == "row" else 1
        if back and dimensions == 2 and value.shape[axis] == 1:
            return value.reshape(-1)
        if not back and dimensions == 1:
            return value.reshape((1, -1) if layout == "row" else (-1, 1))
    return value


def standard(output: Any, names: Sequence[str], adapter: Mapping[str, Any]) -> Any:
    """Return the outputs in the order and layout of the task; a wrong number of them as it is."""
    order = adapter.get("outputs", names)
    items = list(output) if isinstance(output, tuple | list) else [output]
    if not adapter or len(items) != len(order):
        return output
    layouts = adapter.get("layouts", {})
    pairs = zip(order, items, strict=True)
    found = {name: _converted(item, layouts.get(name), back=True) for name, item in pairs}
    return [found[name] for name in names]
