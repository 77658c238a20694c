"""Tables in files and on the Hub, as columns of plain values."""

from pathlib import Path
from typing import Any

from ..errors import LmcourseError
from ..hub.fetch import fetch_dataset

TABLE_FILES = (".csv", ".tsv", ".json", ".jsonl", ".parquet")
"""Extensions of the files that are tables."""

Columns = dict[str, list[Any]]


def read_table(path: Path) -> Columns:
    """The columns of a CSV, TSV, JSON, JSON lines or parquet file.

    Raises:
        LmcourseError: Another kind of file, or one that cannot be read.
    """
    import pandas  # imported late: it is slow, and only tables need it

    readers: dict[str, Any] = {
        # a cell that says "NA" or "None" says so
        ".csv": lambda file: pandas.read_csv(file, keep_default_na=False),
        ".tsv": lambda file: pandas.read_csv(file, keep_default_na=False, sep="\t"),
        ".json": pandas.read_json,
        ".jsonl": lambda file: pandas.read_json(file, lines=True),
        ".parquet": pandas.read_parquet,
    }
    if path.suffix not in readers:
        raise LmcourseError(f"{path} is not a table: give one of {', '.join(TABLE_FILES)}")
    try:
        frame = readers[path.suffix](path)
    except (OSError, ValueError) as error:  # the parsers' own errors are ValueErrors
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise LmcourseError(f"cannot read {path}: {reason}") from error
    return {str(name): frame[name].tolist() for name in frame.columns}


def is_missing(value: Any) -> bool:
    """Whether a cell is empty: None, NaN, or a text without a character."""
    return value is None or value == "" or value != value


def table_from_hub(repository: str, remedy: str) -> dict[str, Columns]:
    """The splits of a data set on the Hub, or from the cache of `datasets`.

    Args:
        repository: Its id.
        remedy: What to do without a network, for the error.

    Raises:
        HubError: It is not available.
    """
    splits = fetch_dataset(repository, None, f"get {repository} from the Hub", remedy)
    return {str(split): part.to_dict() for split, part in splits.items()}
