"""Surprisal of each piece of a text."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hf_lmcourse.text_perplexity.surprisal import surprisal_units
from hf_lmcourse.tokenization import train_tokenizer

from .scored_models import BYTES, CHARACTERS, TEXT, WORDS, score, tiny, tiny_gpt2

PUNCTUATED = train_tokenizer("word_punctuation", TEXT)


MODELS = {
    "characters": (tiny("lstm"), CHARACTERS),
    "words": (tiny("lstm", WORDS), WORDS),
    "words and marks": (tiny("lstm", PUNCTUATED), PUNCTUATED),
    "bytes": (tiny_gpt2(), BYTES),
}


@settings(max_examples=6, deadline=None)
@given(st.text("tobe T.9ā–\n", min_size=2, max_size=30).filter(lambda t: len(t.split()) > 1))
def test_pieces_are_the_text_and_their_costs_are_the_cost(text: str) -> None:
    for model, tokenizer in MODELS.values():
        found = score(model, tokenizer, text)
        units = surprisal_units(found)
        assert "".join(unit.text for unit in units) == text
        bits = math.fsum(unit.bits or 0.0 for unit in units)
        assert bits == pytest.approx(math.fsum(found.nats) / math.log(2))
        assert all(unit.text for unit in units)


def test_the_bytes_of_a_character_are_one_piece() -> None:
    found = score(tiny_gpt2(), BYTES, "Tō")
    units = surprisal_units(found)
    assert [unit.text for unit in units] == ["T", "ō"]
    assert units[1].bits == pytest.approx((found.nats[1] + found.nats[2]) / math.log(2))


def test_blanks_that_are_no_tokens_cost_nothing_and_unknown_words_are_marked() -> None:
    units = surprisal_units(score(tiny("lstm", WORDS), WORDS, "To  XYZ\n"))
    assert [unit.text for unit in units] == ["To", "  ", "XYZ", "\n"]
    assert [unit.bits is None for unit in units] == [False, True, False, False]
    assert [unit.unknown for unit in units] == [False, False, True, False]


def test_a_first_token_that_is_not_predicted_has_no_cost() -> None:
    tokenizer = train_tokenizer("character", "to be")
    units = surprisal_units(score(tiny("lstm", tokenizer), tokenizer, "to be"))
    assert units[0].bits is None
    assert all(unit.bits is not None for unit in units[1:])
