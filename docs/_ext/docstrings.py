"""Equations in docstrings: an indented block of plain text is shown as it is typed."""

from typing import Any

from sphinx.application import Sphinx


def setup(app: Sphinx) -> dict[str, bool]:
    """Change docstrings before napoleon reads their sections."""
    app.connect("autodoc-process-docstring", _as_typed, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _as_typed(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Mark each block that a blank line and more indentation set off from the text as such.

    Otherwise reStructuredText takes it for a quotation. An asterisk is never emphasis.
    """
    marked: list[str] = []
    indent, literal = 0, False
    for before, line in zip(["", *lines], lines, strict=False):
        width = len(line) - len(line.lstrip())
        if line.strip():
            if not literal and width > indent and not before.strip():
                marked += [" " * indent + ".. code-block:: none", ""]
                literal = True
            elif not literal or width <= indent:
                indent, literal = width, False
        marked.append(line if literal else line.replace("*", r"\*"))
    # napoleon would take what is before a colon in the first line of an attribute for its type
    lines[:] = ["", *marked] if what in ("attribute", "data") else marked
