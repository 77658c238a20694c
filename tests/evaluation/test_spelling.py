"""Unknown words are spelled by a distribution, and with them every word has a probability."""

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_lmcourse.data.corpora import load_corpus
from hf_lmcourse.evaluation.corpus_scores import evaluate_split
from hf_lmcourse.evaluation.spelling import (
    Speller,
    spelling_bits,
    unknown_words,
    with_unknown_spelled,
)
from hf_lmcourse.models import LSTMConfig, LSTMForCausalLM
from hf_lmcourse.tokenization import CharacterTokenizer, WordTokenizer

TRAIN = "the cat sat\non the mat\n"
HELD_OUT = "the dog sat\n\non a  mat\n"

words = st.lists(st.text(alphabet="abc", min_size=1, max_size=4), min_size=1, max_size=6)


@given(known=words, history=st.text(alphabet="abcd", max_size=2))
def test_probabilities_after_any_history_sum_to_one(known: list[str], history: str) -> None:
    speller = Speller(known)
    listed = ["a", "b", "c", "d", "\x03"]
    others = (0x110000 - len(listed)) * speller.probability("\u2603", history)
    total = sum(speller.probability(c, history) for c in listed) + others
    assert total == pytest.approx(1, abs=1e-12)


def test_a_word_costs_what_the_equation_says() -> None:
    # of the one entry "a": q(a) = (1 + 2 u) / (2 + 2) with u = 1 / 1,114,112; after one or two
    # beginnings it was seen once of once, before its end likewise
    u = 1 / 0x110000
    first = (1 + 2 * u) / 4
    for _ in range(2):
        first = (1 + first) / 2
    assert Speller(["a"]).bits("a") == pytest.approx(-2 * math.log2(first), abs=1e-12)


@given(known=words, text=words)
def test_no_word_is_impossible_and_repeated_entries_count_once(
    known: list[str], text: list[str]
) -> None:
    bits = [Speller(known).bits(word) for word in text]
    assert all(0 < value < math.inf for value in bits)
    assert bits == [Speller(known * 2).bits(word) for word in text]


def test_unknown_words_are_found_where_they_stand() -> None:
    tokenizer = WordTokenizer.train(TRAIN)
    assert unknown_words(HELD_OUT, tokenizer) == {"dog": 1, "a": 1}
    assert unknown_words(list(HELD_OUT), tokenizer) == {"dog": 1, "a": 1}
    assert unknown_words(TRAIN, tokenizer) == {}
    for end in ("\n", " "):
        assert unknown_words(f"a cat{end}" * 20_000, tokenizer) == {"a": 20_000}
    assert unknown_words("caté", CharacterTokenizer.train(TRAIN)) == {"é": 1}


def test_text_that_spelling_does_not_give_back_is_left_alone() -> None:
    assert unknown_words("the <unk> sat", WordTokenizer.train(TRAIN)) is None
    assert unknown_words("The dog", WordTokenizer.train(TRAIN, lowercase=True)) is None
    assert with_unknown_spelled(1.0, "the <unk> sat", 13, WordTokenizer.train(TRAIN), 1) == {}


def test_evaluation_adds_the_bits_of_spelling(tmp_path: Path) -> None:
    for name, text in (("train", TRAIN), ("validation", HELD_OUT), ("test", TRAIN)):
        (tmp_path / f"{name}.txt").write_text(text)
    tokenizer, corpus = WordTokenizer.train(TRAIN), load_corpus(str(tmp_path))
    model = LSTMForCausalLM(LSTMConfig(vocab_size=len(tokenizer), hidden_size=4))
    figures = evaluate_split(model, tokenizer, corpus, "validation", cache_dir=tmp_path)
    bits = spelling_bits(HELD_OUT, tokenizer)
    assert bits is not None and bits > 0
    assert figures["bits_per_character_spelled"] - figures["bits_per_character"] == pytest.approx(
        bits / len(HELD_OUT)
    )
    figures = evaluate_split(model, tokenizer, corpus, "test", cache_dir=tmp_path)
    assert figures["bits_per_character_spelled"] == figures["bits_per_character"]
