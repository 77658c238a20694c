"""Character and word tokenizers, saved as tokenizer.json."""

from collections.abc import Iterable
from typing import Any

from ..errors import LmcourseError
from .character import CharacterTokenizer
from .word import WordTokenizer

__all__ = ["CharacterTokenizer", "WordTokenizer", "train_tokenizer"]

_KINDS: dict[str, type[CharacterTokenizer] | type[WordTokenizer]] = {
    "character": CharacterTokenizer,
    "word": WordTokenizer,
}


def train_tokenizer(
    kind: str, lines: str | Iterable[str], **options: Any
) -> CharacterTokenizer | WordTokenizer:
    """Make a tokenizer from text.

    Args:
        kind: "character" or "word".
        lines: the text, whole or in pieces that end between words.
        **options: of `WordTokenizer.train`; characters have none.

    Raises:
        LmcourseError: no such kind, or an option out of range.
    """
    if kind not in _KINDS:
        raise LmcourseError(f'there is no tokenizer {kind!r}: choose "character" or "word"')
    return _KINDS[kind].train(lines, **options)
