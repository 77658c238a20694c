"""The lines of a text file of word vectors: a word and its values."""

import codecs
import gzip
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, count
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import LmcourseError

_HEADER = re.compile(rb"\s*(\d{1,18})\s+(\d{1,18})")
_NUMBER = re.compile(rb"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|nan|inf(?:inity)?)", re.I)
_LONGEST = 1 << 24
"""Bytes of a line: far above any vector."""


class Row(NamedTuple):
    """A word, its values as text, and the number of their line."""

    number: int
    word: str
    values: bytes


class VectorLines:
    """The rows of an open file, whose size the first line tells.

    Args:
        file: The file, decompressed.
        path: Its path, for messages.

    Attributes:
        size: Number of values per line.

    Raises:
        LmcourseError: There is no line, or the first one is not what it should be.
    """

    def __init__(self, file: IO[bytes] | gzip.GzipFile, path: Path) -> None:
        self._path = path
        self._words: int | None = None
        self._source = "the lines before have"
        self._lines = _numbered(file, path)
        number, line = next(self._lines, (1, b""))
        if header := _HEADER.fullmatch(line):
            self._words, self.size = int(header[1]), int(header[2])
            self._source = "its first line says"
            number, line = next(self._lines, (2, b""))
        elif line:
            self.size = _trailing_numbers(line)
            if self.size < sum(bool(_NUMBER.fullmatch(piece)) for piece in line.split()[1:]):
                raise self._bad(number, line, "has something that is not a number after its word")
        if not line:
            raise LmcourseError(f"{path} has no word vectors")
        if not self.size:
            raise self._bad(number, line, "is not a word and numbers, separated by spaces or tabs")
        self._lines = chain([(number, line)], self._lines)

    def rows(self, wanted: Callable[[str], bool]) -> Iterator[Row]:
        """Yield the rows of wanted words, the first one of each word.

        Raises:
            LmcourseError: A line has no word, is not UTF-8, or has another number of values; or
                there are not as many lines as the first one says.
        """
        seen, lines = set(), 0
        for lines, (number, line) in enumerate(self._lines, start=1):  # noqa: B007
            word, values = self._split(number, line)
            if wanted(word) and word not in seen:
                seen.add(word)
                yield Row(number, word, values)
        if self._words not in (None, lines):
            raise LmcourseError(
                f"{self._path} has {lines:,} words, not {self._words:,} as its first line says: get"
                " the whole file, or correct or delete that line"
            )

    def parse(self, rows: Sequence[Row]) -> NDArray[np.float32]:
        """Read the values of some rows.

        Raises:
            LmcourseError: A value is not a finite number of float32.

        Shape:
            result: (rows, size).
        """
        try:
            with np.errstate(over="ignore"):
                vectors = np.loadtxt(
                    [row.values for row in rows], np.float32, comments=None, ndmin=2
                )
            if vectors.shape == (len(rows), self.size) and np.isfinite(vectors).all():
                return vectors
        except ValueError:
            pass  # one of them is bad: find out which
        return np.stack([self._parse_one(row) for row in rows])

    def _parse_one(self, row: Row) -> NDArray[np.float32]:
        values = row.values.split()
        if len(values) != self.size:
            raise self._wrong_count(row.number, row.values, len(values))
        if not all(map(_NUMBER.fullmatch, values)):
            reason = f"has something that is not a number after {row.word[:40]!r}"
            raise self._bad(row.number, row.values, reason)
        with np.errstate(over="ignore"):
            vector = np.array(values, np.float32)
        if not np.isfinite(vector).all():
            reason = f"has a value that is not a finite number after {row.word[:40]!r}"
            raise self._bad(row.number, row.values, reason)
        return vector

    def _split(self, number: int, line: bytes) -> tuple[str, bytes]:
        """Split a line before its last `size` values."""
        if line.count(b" ") == self.size and b"\t" not in line and not line[:1].isspace():
            word, _, values = line.partition(b" ")  # nearly always
        else:
            word, values = self._split_any(number, line)
        try:
            return word.decode(), values
        except UnicodeDecodeError:
            raise self._bad(number, line, "is not UTF-8") from None

    def _split_any(self, number: int, line: bytes) -> tuple[bytes, bytes]:
        pieces = line.rsplit(None, self.size)
        begins_with_space = line[:1].isspace()
        if len(pieces) > self.size:
            word = pieces.pop(0).strip()
            if _trailing_numbers(word):  # a value too many, and not a word with spaces
                raise self._wrong_count(number, line, self.size + _trailing_numbers(word))
        elif len(pieces) == self.size and begins_with_space:
            word = line[: line.index(pieces[0]) - 1]  # it is whitespace itself
            if not word:
                raise self._bad(number, line, "has values and no word before them")
        else:
            raise self._wrong_count(number, line, len(pieces) - (not begins_with_space))
        return word, b" ".join(pieces)

    def _wrong_count(self, number: int, line: bytes, values: int) -> LmcourseError:
        return self._bad(
            number, line, f"has {values:,} values, not {self.size:,} as {self._source}"
        )

    def _bad(self, number: int, line: bytes, reason: str) -> LmcourseError:
        if not _is_text(line):
            reason = (
                "is not UTF-8 text: convert it to UTF-8, or a binary file of word2vec to text, with"
                " save_word2vec_format of gensim"
            )
        return LmcourseError(f"line {number} of {self._path} {reason}")


def _numbered(file: IO[bytes] | gzip.GzipFile, path: Path) -> Iterator[tuple[int, bytes]]:
    """Number the lines, without the spaces at their ends, and leave out those that are empty."""
    for number in count(1):
        line = file.readline(_LONGEST)
        if not line:
            return
        if len(line) == _LONGEST:
            raise LmcourseError(f"line {number} of {path} is too long for a word and its vector")
        if number == 1:
            line = line.removeprefix(codecs.BOM_UTF8)
        if line := line.rstrip():
            yield number, line


def _trailing_numbers(line: bytes) -> int:
    """Count the numbers at the end of a line or a word, not counting what it begins with."""
    pieces = line.split()
    if pieces and not line[:1].isspace():
        pieces.pop(0)
    for numbers, piece in enumerate(reversed(pieces)):
        if not _NUMBER.fullmatch(piece):
            return numbers
    return len(pieces)


def _is_text(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return b"\0" not in line
