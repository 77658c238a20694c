"""The course assignment's words, compared with the rule written as a plain function."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hf_lmcourse import LmcourseError
from hf_lmcourse.tokenization import DigitPatternTokenizer, train_tokenizer

WORDS = ["UUUNKKK", "<s>", "</s>", ",", "the", "1st", "DG", "DGDG", "DGDGDGDG", "DG.DG", "$DG"]
WORDS += [",DG", "-DG", "a,b", "+", "DG-DG"]
TOKENIZER = DigitPatternTokenizer.of_vocabulary(WORDS)


def canonical(word: str) -> str:
    """The rule of the assignment, in the order in which it states it."""
    word = word.lower()
    if word in WORDS:
        return word
    if not any(c.isalpha() for c in word):
        word = re.sub(r"\d", "DG", word)
        if word.startswith("DG"):
            word = word.replace(",", "")
    return word if word in WORDS else "UUUNKKK"


def tokens(text: str) -> list[str]:
    return TOKENIZER.convert_ids_to_tokens(TOKENIZER(text)["input_ids"])


word = st.text("12,.$-+aTh1stDGe", min_size=1, max_size=9) | st.sampled_from([*WORDS, "The", "1,9"])


@settings(deadline=None, max_examples=300)
@given(st.lists(st.lists(word, max_size=6), min_size=1, max_size=4))
def test_every_word_becomes_what_the_rule_says(lines: list[list[str]]) -> None:
    text = "".join(f"{' '.join(line)}\n" for line in lines)
    expected = [t for line in lines for t in ("<s>", "<s>", *map(canonical, line), "</s>")]
    assert tokens(text) == expected


@settings(deadline=None, max_examples=100)
@given(st.text(st.characters(categories=["L", "Nd", "P", "S", "Mn"]), min_size=1, max_size=8))
def test_letters_and_digits_are_those_of_every_script(text: str) -> None:
    if len(text.lower().split()) == 1 and text.lower() == text.casefold():
        assert tokens(text) == ["<s>", "<s>", canonical(text)]


@pytest.mark.parametrize("long", ["1," * 50_000, "a" + "1" * 100_000, "1" * 100_000 + "a"])
def test_a_word_as_long_as_a_text_takes_no_longer_for_that(long: str) -> None:
    assert tokens(f"the {long} 12") == ["<s>", "<s>", "the", "UUUNKKK", "DGDG"]


def test_a_prompt_begins_a_sentence_and_does_not_end_it() -> None:
    assert tokens("the 12") == ["<s>", "<s>", "the", "DGDG"]
    assert tokens("the\n\n12\n") == [
        *("<s>", "<s>", "the", "</s>"),
        *("<s>", "<s>", "</s>"),
        *("<s>", "<s>", "DGDG", "</s>"),
    ]
    assert tokens("") == []


def test_known_canonical_text_comes_back() -> None:
    for text in ("the 1st\n\n+ the\n", "the", "the +"):
        assert TOKENIZER.decode(TOKENIZER(text)["input_ids"]) == text


def test_a_vocabulary_from_text_holds_canonical_words() -> None:
    tokenizer = train_tokenizer("digit_pattern", ["The 1,999 the\n", "1,234 x\n"], vocab_size=5)
    assert tokenizer.convert_ids_to_tokens(range(5)) == [*WORDS[:3], "DGDGDGDG", "the"]
    assert len(train_tokenizer("digit_pattern", "a a b\n", min_frequency=2)) == 4


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["UUUNKKK", "<s>"], "the vocabulary has no entry </s>"),
        ([*WORDS, "1990"], "no word ever becomes the entry '1990'"),
    ],
)
def test_a_vocabulary_that_cannot_be_is_refused(words: list[str], told: str) -> None:
    with pytest.raises(LmcourseError, match=told):
        DigitPatternTokenizer.of_vocabulary(words)


def test_a_vocabulary_too_small_for_the_marks_is_refused() -> None:
    with pytest.raises(LmcourseError, match="no room for UUUNKKK, <s>, </s>"):
        DigitPatternTokenizer.train("a", vocab_size=2)
