"""A corpus in shards: files of text or tables, one after the other, each read piece by piece."""

import re
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from glob import glob
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from ..errors import LmcourseError, short
from .columns import corpus_pieces
from .text_files import SPLITS

TEXT_COLUMN = "text"
"""The column of a parquet file, or of a data set of the Hub, that is read."""

_ENDINGS = (".txt", ".txt.gz", ".parquet")
ROWS = 1000
"""Rows of a table that are read in one go."""

SECTION = 1 << 20
"""Characters that may have to be tokenized in vain, to begin inside a shard."""

_NUMBERED = re.compile(r"(.*-)(\d{5})(-of-(\d{5}).*)")
"""What `datasets` names its shards."""


@dataclass(frozen=True)
class Shard:
    """A part of a split, which is a text of its own.

    Attributes:
        name: For messages.
        version: Of the content: what changes when it does.
        read: Returns the text, in pieces that are cut anywhere.
    """

    name: str
    version: str
    read: Callable[[], Iterator[str]] = field(repr=False)

    def pieces(self) -> Iterator[str]:
        """The text in pieces that are cut anywhere, read again at each call.

        It ends in a line break, which is added if it lacks one: no word and no line goes on in the
        next shard. An empty shard has no piece.

        Raises:
            LmcourseError: It cannot be read, when it comes to it.
        """
        last = "\n"
        for piece in filter(None, self.read()):
            yield piece
            last = piece[-1]
        if last != "\n":
            yield "\n"


def sections(shard: Shard) -> Iterator[tuple[int, Iterator[str]]]:
    """The text of a shard in sections that end in line breaks, about `SECTION` characters each.

    They are numbered, and are always the same: to begin at one, those before it are read and not
    tokenized. A line that is longer is not cut.

    Returns:
        The number of each section and its text in pieces, to be read before the next one.

    Raises:
        LmcourseError: As `Shard.pieces`.
    """
    for number, group in groupby(_numbered(shard.pieces()), key=itemgetter(0)):
        yield number, (piece for _, piece in group)


def _numbered(pieces: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Pieces with the number of their section, cut where a section ends."""
    number = size = 0
    for piece in pieces:
        size += len(piece)
        end = 1 + piece.rfind("\n") if size >= SECTION else 0
        if end:
            yield number, piece[:end]
            number, size, piece = number + 1, len(piece) - end, piece[end:]
        if piece:
            yield number, piece


def with_line_break(row: str) -> str:
    """A row as a line: a line break is added if it does not end in one."""
    return row if row.endswith("\n") else f"{row}\n"


def lines_of_rows(
    rows: Iterable[Any], name: str, first: int, line: Callable[[str], str] = with_line_break
) -> str:
    """The texts of rows as lines.

    Args:
        rows: Strings.
        name: Of the shard, for the message.
        first: Number of the first row, for the message.
        line: From a row to its line.

    Raises:
        LmcourseError: A row is not a string.
    """
    lines = []
    for number, row in enumerate(rows, start=first):
        if not isinstance(row, str):
            raise LmcourseError(
                f"row {number:,} of {name} has no text in column {TEXT_COLUMN!r}: remove it"
            )
        lines.append(line(row))
    return "".join(lines)


def folder_shards(folder: Path) -> dict[str, tuple[Shard, ...]]:
    """The shards of a folder, by split, in the order of their paths.

    The split is that which the name of the file begins with, or of the folder of files:
    train-00000-of-00010.parquet, train/part-3.txt.gz. Other files do not matter.

    Raises:
        LmcourseError: One of a numbered set is missing.
    """
    parts: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        if (split := _split_of(path.name)) is not None:
            below = sorted(path.rglob("*")) if path.is_dir() else [path]
            parts.setdefault(split, []).extend(filter(_may_be_shard, below))
    return {split: _shards(parts[split]) for split in SPLITS if parts.get(split)}


def pattern_shards(pattern: str) -> dict[str, tuple[Shard, ...]]:
    """The shards that a pattern such as `texts/*.txt.gz` names, by split, in the order of paths.

    If no name begins with a split, the last shard is for validation and the others for training.

    Raises:
        LmcourseError: Another kind of file, one of a numbered set is missing, or there are fewer
            than two.
    """
    paths = [path for path in map(Path, sorted(glob(pattern, recursive=True))) if not path.is_dir()]
    for path in paths:
        if not path.name.lower().endswith(_ENDINGS):
            raise LmcourseError(f"{path} is not a shard: give files of {', '.join(_ENDINGS)}")
    parts: dict[str, list[Path]] = {}
    for path in paths:
        parts.setdefault(_split_of(path.name) or "", []).append(path)
    if parts.keys() == {""}:
        return last_for_validation(_shards(paths), f"the pattern {short(pattern)}")
    if "train" not in parts or "validation" not in parts:
        raise LmcourseError(
            f"the pattern {short(pattern)} names {len(paths)} files: give at least two, the last "
            "of which is for validation, or names that begin with train and validation"
        )
    return {split: _shards(parts[split]) for split in SPLITS if split in parts}


def last_for_validation(shards: Sequence[Shard], name: str) -> dict[str, tuple[Shard, ...]]:
    """Take the last shard for validation and the others for training.

    Args:
        shards: In their order.
        name: Of them, for the message.

    Raises:
        LmcourseError: There is only one.
    """
    if len(shards) < 2:
        raise LmcourseError(
            f"{name} has only one shard, which leaves none to validate on: give at least two, or a "
            "validation split"
        )
    return {"train": tuple(shards[:-1]), "validation": tuple(shards[-1:])}


def _split_of(name: str) -> str | None:
    """The split that a name begins with, as a word."""
    found = re.match(rf"({'|'.join(SPLITS)})(?![a-z])", name.lower())
    return found and found[1]


def _may_be_shard(path: Path) -> bool:
    name = path.name.lower()
    return name.endswith(_ENDINGS) and not name.startswith(".") and not path.is_dir()


def _shards(paths: list[Path]) -> tuple[Shard, ...]:
    for path in paths:
        if (numbered := _NUMBERED.fullmatch(path.name)) is not None:
            start, _, end, number = numbered.groups()
            for index in range(int(number)):
                if (other := path.with_name(f"{start}{index:05}{end}")) not in paths:
                    raise LmcourseError(f"the shard {other} is missing, next to {path.name}")
    return tuple(map(local_shard, paths))


def local_shard(path: Path) -> Shard:
    """A file as a shard: a table if its name ends in .parquet, else text, compressed or not.

    Raises:
        LmcourseError: It is missing, or not a file.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise LmcourseError(f"the shard {path} is missing: {error.strerror}") from error
    if not stat.S_ISREG(status.st_mode):
        raise LmcourseError(f"the shard {path} is not a file, and cannot be read again")
    table = path.name.lower().endswith(".parquet")
    version = f"{path.resolve()} {status.st_size} {status.st_mtime_ns}"
    return Shard(str(path), version, partial(_table_pieces if table else corpus_pieces, path))


def _table_pieces(path: Path) -> Iterator[str]:
    import pyarrow  # imported late: only tables need it
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as table:
            names, number = table.schema_arrow.names, 1
            if names.count(TEXT_COLUMN) != 1:
                raise LmcourseError(
                    f"{path} needs one column {TEXT_COLUMN!r}, not {short(', '.join(names))}"
                )
            for batch in table.iter_batches(ROWS, columns=[TEXT_COLUMN]):
                yield lines_of_rows(batch.column(0).to_pylist(), str(path), number)
                number += len(batch)
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise LmcourseError(f"cannot read {path}: {short(str(error), 100)}") from error
