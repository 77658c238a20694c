"""What the course assignment's tokenizer drops of a text costs the bits that restore it."""

import math
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer

from hf_lmcourse.evaluation.spelling import Speller, spelling_bits, with_unknown_spelled
from hf_lmcourse.evaluation.surface_forms import drops_forms, restoring_bits
from hf_lmcourse.tokenization import WordTokenizer
from hf_lmcourse.tokenization.digit_pattern import DigitPatternTokenizer

TRAIN = "the cat saw 1,250 dogs in 1987\nthe dog saw 3.5 cats\n"
SPELLER = Speller(["the", "cat"])


def bits(text: str, vocabulary: str = "the cat in DGDGDGDG") -> float:
    found = restoring_bits(text, set(vocabulary.split()), {"<s>", "</s>"}, SPELLER.bits)
    assert found is not None
    return found


def forms(*q: tuple[int, int]) -> float:
    """The bits of forms: how often each was seen, of how many words."""
    return -sum(math.log2((1 + count) / (4 + total)) for count, total in q)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the", forms((0, 0))),
        ("the The\n\nTHE the", forms((0, 0), (0, 1), (0, 2), (1, 3))),
        ("1987", forms((0, 0)) + 4 * math.log2(10)),
        ("1,987 the", forms((0, 0), (0, 0)) + 4 * math.log2(10)),
        ("tHE", forms((0, 0)) + SPELLER.bits("tHE")),
        ("19,87", forms((0, 0)) + SPELLER.bits("19,87")),
        ("tat", forms((0, 0)) + SPELLER.bits("tat")),
        ("Tat", forms((0, 0)) + SPELLER.bits("tat")),
        ("tAt", forms((0, 0)) + SPELLER.bits("tat") + SPELLER.bits("tAt")),
    ],
)
def test_a_text_costs_its_forms_digits_and_unknown_words(text: str, expected: float) -> None:
    assert bits(text) == pytest.approx(expected, abs=1e-9)


def test_the_probabilities_of_what_becomes_one_word_sum_to_at_most_one() -> None:
    letters = ["".join(pair) for pair in product("tT", "hH", "eE")]
    assert 0.5 < sum(2 ** -bits(word) for word in letters) <= 1
    numbers = [f"{n:04d}" for n in range(10_000)]
    numbers += [f"{n[0]},{n[1:]}" for n in numbers[::10]]
    plain = sum(2 ** -bits(word) for word in numbers[:10_000])
    assert plain == pytest.approx(1 / 4)
    assert plain + 10 * sum(2 ** -bits(word) for word in numbers[10_000:]) <= 1


@given(st.text(alphabet="aB1,. \n", max_size=30))
def test_every_text_has_a_probability(text: str) -> None:
    assert 0 <= bits(text) < math.inf


def test_a_special_token_in_the_text_cannot_be_restored() -> None:
    assert restoring_bits("the <s> cat", {"the"}, {"<s>"}, SPELLER.bits) is None


def test_the_tokenizer_is_recognised_also_when_it_is_loaded(tmp_path: Path) -> None:
    tokenizer = DigitPatternTokenizer.train(TRAIN)
    tokenizer.save_pretrained(tmp_path)
    assert drops_forms(tokenizer) and drops_forms(AutoTokenizer.from_pretrained(tmp_path))
    assert not drops_forms(WordTokenizer.train(TRAIN))


def test_a_text_of_known_words_costs_more_than_its_tokens_if_forms_were_dropped() -> None:
    tokenizer = DigitPatternTokenizer.train(TRAIN)
    text = "The cat saw 1,999 dogs\n"
    extra = spelling_bits(text, tokenizer)
    assert extra is not None and extra > 4 * math.log2(10)
    spelled = with_unknown_spelled(1.0, text, len(text), tokenizer, 0)
    assert spelled == {"bits_per_character_spelled": pytest.approx(1.0 + extra / len(text))}
    plain = WordTokenizer.train(TRAIN)
    spelled = with_unknown_spelled(1.0, TRAIN, len(TRAIN), plain, 0)
    assert spelled == {"bits_per_character_spelled": 1.0}
