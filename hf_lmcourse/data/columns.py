"""The course assignment's formats: a word and its tag per line, and a vocabulary with counts."""

import re
from collections.abc import Iterator
from io import StringIO
from itertools import chain
from pathlib import Path

from ..errors import LmcourseError, short
from .packed_files import Source
from .text_files import read_text, text_pieces, with_line_breaks

DOCUMENT_START = "-DOCSTART-"
"""What a text in columns begins with, and each document in it."""

_WORD_AND_TAG = re.compile(r"([^\s\t]+)\t\s*\S+\s*")


def sentences_of_columns(text: str, name: str) -> str:
    """Turn a text in columns into one sentence per line, one space between its words.

    A line of columns is `word TAB tag`. An empty line ends a sentence, and so does `-DOCSTART-`,
    which begins a document; several of them end it once. What follows the last of them is a
    sentence too, even if it is empty: the assignment's reader counts it, so that the 6,232
    sentences of its development text have 6,233 ends.

    Args:
        text: The columns.
        name: Of the file, for the message.

    Raises:
        LmcourseError: A line that is neither.
    """
    sentences: list[list[str]] = [[]]
    for number, line in enumerate(text.removesuffix("\n").split("\n"), start=1):
        if not line.strip() or line.startswith(DOCUMENT_START):
            if sentences[-1]:
                sentences.append([])
            continue
        columns = _WORD_AND_TAG.fullmatch(line)
        if columns is None:
            raise LmcourseError(
                f"line {number} of {name} is not a word, a tab and a tag, as a text that begins "
                f"with {DOCUMENT_START} must have it"
            )
        sentences[-1].append(columns[1])
    return "".join(f"{' '.join(words)}\n" for words in sentences)


def corpus_pieces(path: Source) -> Iterator[str]:
    """Read a text file in pieces; columns, which begin with `-DOCSTART-`, become sentences.

    Raises:
        LmcourseError: As `read_text` and `sentences_of_columns`, or its lines end in carriage
            returns alone; when it comes to it.
    """
    pieces = text_pieces(path)
    first = next(pieces, "")
    if first.startswith(DOCUMENT_START):
        return iter([sentences_of_columns(first + "".join(pieces), str(path))])
    return with_line_breaks(filter(None, chain([first], pieces)), path)


def read_vocabulary(path: Path, size: int | None = None) -> list[str]:
    """The words of a vocabulary file in its order, which is that of falling frequency.

    A line has a word, and after a tab anything; spaces around the word are ignored.

    Args:
        path: The file.
        size: How many words to read; all by default.

    Raises:
        LmcourseError: The file cannot be read, has fewer words, a line without one, or a
            word twice.
    """
    lines = StringIO(read_text(path), newline=None)  # of any system
    numbers: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        word = line.split("\t")[0].strip()
        if not line.strip():
            continue
        if len(numbers) == size:
            break
        if not word:
            raise LmcourseError(f"line {number} of {path} has no word before its tab")
        if word in numbers:
            raise LmcourseError(
                f"line {number} of {path} has the word {short(repr(word))} of line "
                f"{numbers[word]} again: remove one of them"
            )
        numbers[word] = number
    if size is not None and len(numbers) < size:
        raise LmcourseError(f"{path} has {len(numbers):,} words, not {size:,}")
    return list(numbers)
