"""Which rows compare: the rule, pair by pair and as letters."""

from itertools import combinations
from typing import Any

import pytest

from hf_lmcourse.text_perplexity.comparability import (
    bits_key,
    compare,
    comparisons,
    groups,
    token_key,
)
from hf_lmcourse.text_perplexity.score import TextScore
from hf_lmcourse.tokenization import train_tokenizer

from .scored_models import BYTES, CHARACTERS, TEXT, WORDS, score, tiny, tiny_gpt2

OTHER_WORDS = train_tokenizer("word", TEXT + "Ophelia\n")
LOWER_WORDS = train_tokenizer("word", TEXT, lowercase=True)
LINE = "To be, or not\n"
ACCENT = "Tō be, or not\n"


def row(kind: str, tokenizer: Any, text: str = LINE, name: str = "", **options: Any) -> Any:
    model = tiny_gpt2() if kind == "gpt2" else tiny(kind, tokenizer)
    return score(model, tokenizer, text, name or kind, **options)


ROWS: dict[str, TextScore] = {
    "lstm": row("lstm", CHARACTERS),
    "transformer": row("transformer", CHARACTERS),
    "gpt2": row("gpt2", BYTES),
    "gpt2, accent": row("gpt2", BYTES, ACCENT),
    "characters, accent": row("lstm", CHARACTERS, ACCENT),
    "more characters, accent": row("lstm", train_tokenizer("character", TEXT + "x"), ACCENT),
    "words": row("lstm", WORDS),
    "other words": row("lstm", OTHER_WORDS),
    "words, unknown": row("lstm", WORDS, "To Ophelia\n"),
    "bigram, unknown": row("bigram_mlp", WORDS, "To Ophelia\n"),
    "other words, known": row("lstm", OTHER_WORDS, "To Ophelia\n"),
    "lower-case": row("lstm", LOWER_WORDS),
    "hot": row("lstm", CHARACTERS, temperature=0.8),
    "no beginning": row("lstm", train_tokenizer("character", LINE.strip()), LINE.strip()),
}


@pytest.mark.parametrize(
    ("first", "second", "bits", "tokens", "reason"),
    [
        ("lstm", "transformer", True, True, "the same tokens"),
        ("lstm", "gpt2", True, True, "the same tokens"),
        ("gpt2, accent", "characters, accent", False, False, "7.1% of the tokens are unknown"),
        ("characters, accent", "more characters, accent", False, False, "unknown to lstm"),
        ("lstm", "words", True, False, "different tokens"),
        ("words", "other words", True, True, "the same tokens"),
        ("words, unknown", "bigram, unknown", False, True, "the tokens are the same"),
        ("words, unknown", "other words, known", False, False, "33.3% of the tokens are unknown"),
        ("words", "lower-case", False, False, "lose some characters; the tokens differ"),
        ("lstm", "hot", False, False, "the temperature is 0.8, not 1"),
        ("lstm", "gpt2, accent", False, False, "different texts"),
    ],
)
def test_pairs(first: str, second: str, bits: bool, tokens: bool, reason: str) -> None:
    for a, b in ((first, second), (second, first)):
        found = compare(ROWS[a], ROWS[b])
        assert (found.bits_per_character, found.perplexity) == (bits, tokens)
        assert reason in found.reason


def test_a_first_token_that_is_not_predicted_compares_with_nothing() -> None:
    line = LINE.strip()
    found = compare(ROWS["no beginning"], row("lstm", CHARACTERS, line, "other"))
    assert not found.bits_per_character and not found.perplexity
    assert found.reason == "lstm does not predict the first token"


def test_the_same_letter_says_the_same_as_the_pairs() -> None:
    rows = list(ROWS.values())
    bits, tokens = groups(rows, bits_key), groups(rows, token_key)
    for i, j in combinations(range(len(rows)), 2):
        found = compare(rows[i], rows[j])
        assert found.bits_per_character == (bits[i] == bits[j] != "-")
        assert found.perplexity == (tokens[i] == tokens[j] != "-")
    assert bits[:3] == ["A"] * 3
    assert bits[list(ROWS).index("hot")] == "-"


def test_models_that_compare_pay_for_the_same_text() -> None:
    """The rule in numbers: a change of units makes no difference to who is better."""
    a, b = ROWS["lstm"], ROWS["gpt2"]
    for metric in ("bits_per_byte", "word_perplexity", "perplexity"):
        order = a.metrics["bits_per_character"] < b.metrics["bits_per_character"]
        assert (a.metrics[metric] < b.metrics[metric]) == order


def test_every_two_rows_of_a_text_are_compared() -> None:
    other = score(tiny("lstm"), title="another")
    pairs = [(i, j) for i, j, _ in comparisons([ROWS["lstm"], other, ROWS["gpt2"]])]
    assert pairs == [(0, 2)]


def test_letters_go_on_after_z() -> None:
    rows = [score(tiny("bigram_mlp"), text="a" * n) for n in range(1, 29) for _ in range(2)]
    assert groups(rows, bits_key)[::2][-4:] == ["Y", "Z", "AA", "AB"]
