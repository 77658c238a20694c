"""Tokenizers that do no more than look up characters or words, without offsets and strings.

A tokenizer of the library keeps the string and the offsets of each token, which costs many times
as much as the id. These functions give the same ids.
"""

import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer
from tokenizers.normalizers import Lowercase

from ..tokenization.word import WORD

Lookup = Callable[[str], NDArray[np.integer]]
"""From a piece of text that ends between two tokens to its ids."""

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

_SEPARATORS = re.compile("[\x1c-\x1f]")
"""Information separators: whitespace to Python's `split`, parts of words to the tokenizer."""


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
    if state["pre_tokenizer"] == _WHITESPACE and steps in (
        [_LINE_BREAKS],
        [_LOWERCASE, _LINE_BREAKS],
    ):
        return _word_lookup(vocabulary, unknown, dtype, lowercase=steps[0] == _LOWERCASE)
    return None


def _normalizers(state: dict[str, Any] | None) -> list[dict[str, Any]]:
    if state is None:
        return []
    return state["normalizers"] if state["type"] == "Sequence" else [state]


def _character_lookup(vocabulary: dict[str, int], unknown: int, dtype: type[np.integer]) -> Lookup:
    table = np.full(_CODE_POINTS, unknown, dtype)
    for entry, index in vocabulary.items():
        if len(entry) == 1:
            table[ord(entry)] = index
    return lambda piece: table[np.frombuffer(piece.encode("utf-32-le"), np.uint32)]


class _Ids(dict[str, int]):
    """A vocabulary in which unknown words have the id `unknown`."""

    def __init__(self, vocabulary: dict[str, int], unknown: int) -> None:
        super().__init__(vocabulary)
        self._unknown = unknown

    def __missing__(self, word: str) -> int:
        return self._unknown


def _word_lookup(
    vocabulary: dict[str, int], unknown: int, dtype: type[np.integer], lowercase: bool
) -> Lookup:
    ids = _Ids(vocabulary, unknown)
    fold = Lowercase().normalize_str if lowercase else str

    def look_up(piece: str) -> NDArray[np.integer]:
        text = fold(piece).replace("\n", " <eos> ")
        words = WORD.findall(text) if _SEPARATORS.search(text) else text.split()
        return np.fromiter(map(ids.__getitem__, words), dtype, len(words))

    return look_up
