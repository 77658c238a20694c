"""What a table of the user may hold: columns with different names, cells that are plain values."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ..errors import LmcourseError, short


def check_columns(path: Path, names: Sequence[str], wanted: Iterable[str]) -> None:
    """Refuse a table that lacks a column, or has two of the same name.

    Args:
        path: The file, for the message.
        names: The names of its columns.
        wanted: Those that are to be read; the others do not matter.

    Raises:
        LmcourseError: A column is missing or ambiguous, or there is none at all.
    """
    if not names:
        raise LmcourseError(f"{path} has no row")
    for name in wanted:
        if name not in names:
            raise LmcourseError(
                f"{path} has no column {short(repr(name))}, only {short(', '.join(names))}: name "
                "yours with --text_column and --label_column"
            )
        if names.count(name) > 1:
            raise LmcourseError(f"{path} has two columns {short(repr(name))}: rename one of them")


def plain_cells(path: Path, name: str, cells: Iterable[Any]) -> list[str]:
    """The cells of a column as text: strings and numbers as they are written, true and false.

    Args:
        path: The file, for the message.
        name: The column, for the message.
        cells: Strings, booleans, and whatever is refused.

    Raises:
        LmcourseError: A cell is missing, a list or an object, or has half a surrogate pair.
    """
    texts = []
    for row, cell in enumerate(cells, start=1):
        if isinstance(cell, bool):
            cell = str(cell).lower()
        if not isinstance(cell, str):
            found = "nothing" if cell is None else "an object or a list"
            raise LmcourseError(
                f"row {row} of {path} has {found} in column {short(repr(name))}: a cell must be "
                "a string, a number, true or false"
            )
        if not cell.isascii() and _has_surrogate(cell):
            raise LmcourseError(
                f"row {row} of {path} has half a surrogate pair in column {short(repr(name))}, "
                "which is not a character"
            )
        texts.append(cell)
    return texts


def _has_surrogate(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
