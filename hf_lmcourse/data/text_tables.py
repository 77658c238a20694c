"""Tables in text files, each cell as it is written: CSV, TSV, JSON, JSON lines."""

import csv
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ..errors import LmcourseError
from .table_cells import check_columns
from .text_files import read_text

_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n)|[^\r\n]+")
"""A line with its end. `str.splitlines` also splits at characters that texts may hold."""


def read_delimited(path: Path, wanted: Sequence[str], tabs: bool = False) -> list[list[str]]:
    """Some columns of a CSV file, or of one with tabs, where quotes are ordinary characters.

    The first line that is not empty names the columns; empty lines are skipped.

    Args:
        path: The file; it may be compressed with gzip.
        wanted: The names of the columns.
        tabs: Whether tabs separate the cells; else commas do.

    Raises:
        LmcourseError: A row has more or fewer cells than the first one, or a quote is not closed.
    """
    dialect: Any = {"delimiter": "\t", "quoting": csv.QUOTE_NONE} if tabs else {}
    limit = csv.field_size_limit(2**31 - 1)  # a text may be longer than 128 KiB
    try:
        lines = _lines(read_text(path))
        rows = _rows(csv.reader(lines, strict=True, **dialect), path)
        _, names = next(rows, (0, []))
        names = [name.strip() for name in names]
        check_columns(path, names, wanted)
        places = [names.index(name) for name in wanted]
        columns: list[list[str]] = [[] for _ in wanted]
        for line, cells in rows:
            if len(cells) != len(names):
                separator, remedy = ("tabs", "remove") if tabs else ("commas", "quote")
                raise LmcourseError(
                    f"line {line} of {path} has {len(cells)} cells and the first line has "
                    f"{len(names)}: {remedy} {separator} inside a text"
                )
            for column, place in zip(columns, places, strict=True):
                column.append(cells[place])
    finally:
        csv.field_size_limit(limit)
    return columns


def _rows(reader: Any, path: Path) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not empty, with the number of the line on which each begins."""
    line = 1
    try:
        for cells in reader:
            if cells:
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise LmcourseError(
            f"the row that begins on line {line} of {path} has a quoted cell that does not end "
            'before a comma or the end of the line: write " twice inside a quoted cell'
        ) from error


def read_json(path: Path, wanted: Sequence[str]) -> list[list[Any]]:
    """Some columns of a JSON file: an array of objects, an object of columns, or JSON lines.

    Numbers stay as they are written.

    Args:
        path: The file; it may be compressed with gzip.
        wanted: The names of the columns.

    Raises:
        LmcourseError: It is not JSON, or not one of these.
    """
    document = _json_document(path)
    columns = list(document.values()) if isinstance(document, dict) else []
    if columns and all(isinstance(column, list | dict) for column in columns):
        check_columns(path, list(document), wanted)
        return _aligned([document[name] for name in wanted], path)
    rows = document if isinstance(document, list) else [document]
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, dict):
            raise LmcourseError(f"row {number} of {path} is not an object with each name once")
    check_columns(path, list({name: None for row in rows for name in row}), wanted)
    return [[row.get(name) for row in rows] for name in wanted]


def _json_document(path: Path) -> Any:
    """The content of a file; of JSON lines the list of them."""
    text = read_text(path)
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        if error.msg != "Extra data":  # more than one document
            raise LmcourseError(
                f"cannot read {path}: line {error.lineno}, character {error.colno}: {error.msg}"
            ) from error
    except RecursionError as error:
        raise LmcourseError(f"{path} is not a table: its arrays are nested too deeply") from error
    rows = []
    for number, line in enumerate(_lines(text), start=1):
        try:
            rows += [_DECODER.decode(line)] if line.strip() else []
        except (json.JSONDecodeError, RecursionError) as error:
            raise LmcourseError(
                f"cannot read {path}: line {number} is not one JSON object, as in JSON lines"
            ) from error
    return rows


def _aligned(columns: Iterable[Any], path: Path) -> list[list[Any]]:
    """Columns that are lists, or objects from rows to cells as pandas writes them."""
    first, *others = [
        dict(enumerate(column)) if isinstance(column, list) else column for column in columns
    ]
    if any(other.keys() != first.keys() for other in others):
        raise LmcourseError(f"the columns of {path} do not have the same rows")
    return [[column[row] for row in first] for column in (first, *others)]


def _object(pairs: list[tuple[str, Any]]) -> Any:
    """An object, or the pairs themselves if a name occurs twice."""
    found = dict(pairs)
    return found if len(found) == len(pairs) else pairs


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_float=str,
    parse_int=str,
    parse_constant={"NaN": None, "Infinity": "Infinity", "-Infinity": "-Infinity"}.get,
)


def _lines(text: str) -> Iterator[str]:
    return (match.group() for match in _LINE.finditer(text))
