"""A text in pieces, so that a text of any length, in any lines, takes the memory of a piece."""

import re
from collections.abc import Iterable, Iterator

PIECE = 1 << 16
"""Characters of a piece."""

_SPACES = " \n\t\r\u3000"
"""Whitespace to cut at; other whitespace separates words too, but is rare."""

_WORD = re.compile(r"[\S\x1c-\x1f]+")
_SEPARATORS = re.compile(r"[\x1c-\x1f]")
"""Information separators: whitespace to Python's `split`, parts of words to `WhitespaceSplit`."""


def pieces_of(text: str) -> Iterator[str]:
    """Cut a text into pieces of `PIECE` characters, wherever that is."""
    return (text[start : start + PIECE] for start in range(0, len(text), PIECE))


def whole_words(pieces: Iterable[str]) -> Iterator[str]:
    """Cut a text anew, at whitespace alone.

    Args:
        pieces: The text, cut anywhere.
    """
    return _cut_after(_SPACES, pieces)


def whole_lines(pieces: Iterable[str]) -> Iterator[str]:
    """Cut a text anew, at line breaks alone.

    Args:
        pieces: The text, cut anywhere.
    """
    return _cut_after("\n", pieces)


def _cut_after(ends: str, pieces: Iterable[str]) -> Iterator[str]:
    held: list[str] = []
    for piece in pieces:
        border = 1 + max(map(piece.rfind, ends))
        if border:
            yield "".join([*held, piece[:border]])
            held.clear()
        held.append(piece[border:])
    if rest := "".join(held):
        yield rest


def split_words(text: str) -> list[str]:
    """Split a text into words as the tokenizer `WhitespaceSplit` does, without their offsets."""
    return _WORD.findall(text) if _SEPARATORS.search(text) else text.split()
