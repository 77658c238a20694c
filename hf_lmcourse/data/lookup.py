"""Tokenizers that do no more than look up characters or words, without offsets and strings.

A tokenizer of the library keeps the string and the offsets of each token, which costs many times
as much as the id. These functions give the same ids, and take a text that is cut anywhere, also
inside a line: a text in one line takes no more memory than one in many.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer, normalizers

from ..tokenization.digit_pattern import sentence_normalizer
from ..tokenization.pieces import split_words, whole_words

Lookup = Callable[[Iterable[str]], Iterator[NDArray[np.integer]]]
"""From a text, in pieces that are cut anywhere, to its ids, in as many arrays as it likes."""

_CODE_POINTS = 0x110000

_SINGLE_CHARACTERS = {
    "type": "Split",
    "pattern": {"String": ""},
    "behavior": "Isolated",
    "invert": False,
}
_WHITESPACE = {"type": "WhitespaceSplit"}
_LINE_BREAKS = {"type": "Replace", "pattern": {"String": "\n"}, "content": " <eos> "}
_LOWERCASE = {"type": "Lowercase"}
START_TOKENS = 2
"""What the course assignment's normalizer puts before each line, and before each piece."""


def lookup_of(backend: Tokenizer, dtype: type[np.integer]) -> Lookup | None:
    """The ids of a tokenizer that only looks up; `None` if it does more than that.

    Args:
        backend: Without padding and truncation.
        dtype: Of the ids.
    """
    state = json.loads(backend.to_str())
    model, added = state["model"], state["added_tokens"]
    if (
        model["type"] != "WordLevel"
        or not backend.encode_special_tokens
        or not all(token["special"] for token in added)
        or model["unk_token"] not in model["vocab"]
    ):
        return None
    vocabulary, unknown = model["vocab"], model["vocab"][model["unk_token"]]
    steps = _normalizers(state["normalizer"])
    if state["pre_tokenizer"] == _SINGLE_CHARACTERS and not steps:
        return _character_lookup(vocabulary, unknown, dtype)
    if state["pre_tokenizer"] != _WHITESPACE:
        return None
    ids = _Ids(vocabulary, unknown)
    if steps in ([_LINE_BREAKS], [_LOWERCASE, _LINE_BREAKS]):
        return _word_lookup(ids, dtype, lowercase=steps[0] == _LOWERCASE)
    if steps == json.loads(sentence_normalizer().__getstate__())["normalizers"]:
        return _digit_pattern_lookup(ids, dtype)
    return None


def looks_up_characters(backend: Tokenizer) -> bool:
    """Whether each character of a text becomes one token of a tokenizer of `lookup_of`."""
    return bool(json.loads(backend.to_str())["pre_tokenizer"] == _SINGLE_CHARACTERS)


def _normalizers(state: dict[str, Any] | None) -> list[dict[str, Any]]:
    if state is None:
        return []
    return state["normalizers"] if state["type"] == "Sequence" else [state]


def _character_lookup(vocabulary: dict[str, int], unknown: int, dtype: type[np.integer]) -> Lookup:
    table = np.full(_CODE_POINTS, unknown, dtype)
    for entry, index in vocabulary.items():
        if len(entry) == 1:
            table[ord(entry)] = index
    return lambda pieces: (
        table[np.frombuffer(piece.encode("utf-32-le"), np.uint32)] for piece in pieces
    )


class _Ids(dict[str, int]):
    """A vocabulary in which unknown words have the id `unknown`."""

    def __init__(self, vocabulary: dict[str, int], unknown: int) -> None:
        super().__init__(vocabulary)
        self._unknown = unknown

    def __missing__(self, word: str) -> int:
        return self._unknown

    def of(self, words: list[str], dtype: type[np.integer]) -> NDArray[np.integer]:
        return np.fromiter(map(self.__getitem__, words), dtype, len(words))


def _word_lookup(ids: _Ids, dtype: type[np.integer], lowercase: bool) -> Lookup:
    fold = normalizers.Lowercase().normalize_str if lowercase else str

    def look_up(pieces: Iterable[str]) -> Iterator[NDArray[np.integer]]:
        for piece in whole_words(pieces):
            yield ids.of(split_words(fold(piece).replace("\n", " <eos> ")), dtype)

    return look_up


def _digit_pattern_lookup(ids: _Ids, dtype: type[np.integer]) -> Lookup:
    normalize = sentence_normalizer().normalize_str

    def look_up(pieces: Iterable[str]) -> Iterator[NDArray[np.integer]]:
        inside_line = False
        for piece in whole_words(pieces):
            words = split_words(normalize(piece))
            yield ids.of(words[START_TOKENS:] if inside_line else words, dtype)
            inside_line = not piece.endswith("\n")

    return look_up
