"""Tables in files and on the Hub, as columns."""

import gzip
import zlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ..errors import LmcourseError, short
from ..hub.fetch import fetch_dataset
from .table_cells import check_columns, plain_cells
from .text_tables import read_delimited, read_json


def read_columns(path: Path, wanted: Sequence[str]) -> list[list[str]]:
    """Some columns of a CSV, TSV, JSON, JSON lines or parquet file, which gzip may compress.

    A cell is the text that the file has: nothing becomes a number, a date or a missing value.
    Numbers of JSON are as they are written, those of parquet as Python writes them ("1", "1.0"),
    booleans are "true" and "false".

    Args:
        path: The file.
        wanted: The names of the columns.

    Raises:
        LmcourseError: Another kind of file, one that cannot be read or is not such a table, a
            column that is missing, a cell that is missing, a list or an object, or no row.
    """
    ending = table_ending(path)
    if ending is None:
        raise LmcourseError(
            f"{path} is not a table: give one of {', '.join(TABLE_FILES)}, or one of them with .gz"
        )
    columns = TABLE_FILES[ending](path, wanted)
    if not columns[0]:
        raise LmcourseError(f"{path} has no row")
    return [plain_cells(path, *column) for column in zip(wanted, columns, strict=True)]


def table_ending(path: Path) -> str | None:
    """The key of `TABLE_FILES` that a file's name ends in, in any case and before .gz."""
    name = path.name.lower().removesuffix(".gz")
    return next((ending for ending in TABLE_FILES if name.endswith(ending)), None)


def table_from_hub(repository: str, remedy: str) -> dict[str, dict[str, list[Any]]]:
    """The splits of a data set on the Hub, or from the cache of `datasets`.

    Args:
        repository: Its id.
        remedy: What to do without a network, for the error.

    Raises:
        HubError: It is not available.
    """
    splits = fetch_dataset(repository, None, f"get {repository} from the Hub", remedy)
    return {str(split): part.to_dict() for split, part in splits.items()}


def _read_parquet(path: Path, wanted: Sequence[str]) -> list[list[Any]]:
    import pyarrow  # imported late: only these tables need it
    from pyarrow import parquet

    try:
        with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
            table = parquet.ParquetFile(file)
            check_columns(path, table.schema_arrow.names, wanted)
            columns = table.read(columns=list(wanted))
            return [_cells(columns[name]) for name in wanted]
    except (pyarrow.ArrowException, OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise LmcourseError(f"cannot read {path}: {short(str(error), 100)}") from error


def _cells(column: Any) -> list[Any]:
    """The cells of a column of pyarrow: strings, or None for null and NaN, or what is nested."""
    import pyarrow

    if pyarrow.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pyarrow.types.is_nested(column.type):
        return column.to_pylist()
    if pyarrow.types.is_floating(column.type):  # 1.0 is "1" to Arrow
        return [None if value != value else str(value) for value in column.to_numpy()]
    return column.cast(pyarrow.large_string()).to_pylist()


TABLE_FILES: dict[str, Callable[[Path, Sequence[str]], list[list[Any]]]] = {
    ".csv": read_delimited,
    ".tsv": partial(read_delimited, tabs=True),
    ".json": read_json,
    ".jsonl": read_json,
    ".parquet": _read_parquet,
}
"""Extensions of the files that are tables, and what reads some of their columns."""
