"""Character and word tokenizers, saved as tokenizer.json."""

from collections.abc import Iterable
from typing import Any

from ..errors import LmcourseError
from .character import CharacterTokenizer
from .digit_pattern import DigitPatternTokenizer
from .word import WordTokenizer
from .word_punctuation import WordPunctuationTokenizer

__all__ = [
    "CharacterTokenizer",
    "DigitPatternTokenizer",
    "WordPunctuationTokenizer",
    "WordTokenizer",
    "train_tokenizer",
]

AnyTokenizer = CharacterTokenizer | DigitPatternTokenizer | WordTokenizer | WordPunctuationTokenizer

_KINDS: dict[str, type[AnyTokenizer]] = {
    "character": CharacterTokenizer,
    "word": WordTokenizer,
    "word_punctuation": WordPunctuationTokenizer,
    "digit_pattern": DigitPatternTokenizer,
}


def train_tokenizer(kind: str, lines: str | Iterable[str], **options: Any) -> AnyTokenizer:
    """Make a tokenizer from text.

    Args:
        kind: "character", "word", "word_punctuation" or "digit_pattern".
        lines: The text, whole or in pieces that end between words.
        **options: Of the tokenizer's `train`.

    Raises:
        LmcourseError: No such kind, or an option out of range.
    """
    if kind not in _KINDS:
        choices = " or ".join(f'"{name}"' for name in _KINDS)
        raise LmcourseError(f"there is no tokenizer {kind!r}: choose {choices}")
    return _KINDS[kind].train(lines, **options)
