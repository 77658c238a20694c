"""A tokenizer as the page has it: which of the package's it is, and its vocabulary."""

import json
from typing import Any

from tokenizers import normalizers
from transformers import PreTrainedTokenizerBase

from ..data.streams import context_tokens, unprinted_token_ids
from ..errors import LmcourseError
from ..tokenization import (
    CharacterTokenizer,
    DigitPatternTokenizer,
    WordPunctuationTokenizer,
    WordTokenizer,
)

_LAST_CODE_POINT = 0x10FFFF
_SURROGATES = range(0xD800, 0xE000)


def portable_tokenizer(tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
    """What the page needs to split a text as a tokenizer does.

    Returns:
        `kind`; `vocabulary`, the entries by id; `lowercase`, the table of lower case or null; and
        the ids `unknown`, `line_end`, `context_only` and `undrawn`, see `context_tokens` and
        `unprinted_token_ids`.

    Raises:
        LmcourseError: It is not a tokenizer of this package, whose rules alone the page knows.
    """
    kind, lowercase = _kind(tokenizer)
    vocabulary = tokenizer.get_vocab()
    entries = [""] * (1 + max(vocabulary.values()))
    for entry, token in vocabulary.items():
        entries[token] = entry
    context = context_tokens(tokenizer)
    return {
        "kind": kind,
        "vocabulary": entries,
        "lowercase": _lower_case() if lowercase else None,
        "unknown": tokenizer.unk_token_id,
        "line_end": context["first_context"],
        "context_only": context["context_only"],
        "undrawn": unprinted_token_ids(tokenizer),
    }


def _kind(tokenizer: PreTrainedTokenizerBase) -> tuple[str, bool]:
    """Which tokenizer of the package it is, and whether it lower-cases."""
    rules = _rules(tokenizer)
    for kind, lowercase, known in (
        ("character", False, CharacterTokenizer.train("")),
        ("word", False, WordTokenizer.train("")),
        ("word", True, WordTokenizer.train("", lowercase=True)),
        ("word_punctuation", False, WordPunctuationTokenizer.train("", lowercase=False)),
        ("word_punctuation", True, WordPunctuationTokenizer.train("")),
        ("digit_pattern", True, DigitPatternTokenizer.train("")),
    ):
        if rules == _rules(known):
            return kind, lowercase
    raise LmcourseError(
        "the page cannot split a text as this tokenizer does: it knows the tokenizers character, "
        "word, word_punctuation and digit_pattern of this package, without added tokens"
    )


def _rules(tokenizer: PreTrainedTokenizerBase) -> Any:
    """All of tokenizer.json that decides on the tokens of a text, but for the vocabulary."""
    state = json.loads(tokenizer.backend_tokenizer.to_str())
    parts = {name: state[name] for name in ("normalizer", "pre_tokenizer", "post_processor")}
    added = [token["content"] for token in state["added_tokens"] if not token["special"]]
    model = {name: value for name, value in state["model"].items() if name != "vocab"}
    return parts, model, added, tokenizer.split_special_tokens


def _lower_case() -> dict[str, str]:
    """The lower case of every code point that differs from it, as the tokenizers have it.

    A browser's own depends on its version of Unicode.
    """
    fold = normalizers.Lowercase().normalize_str
    points = (chr(c) for c in range(_LAST_CODE_POINT + 1) if c not in _SURROGATES)
    return {c: lower for c in points if (lower := fold(c)) != c}
