"""The count models give probabilities, and the values that can be computed by hand."""

import gzip
import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hf_lmcourse.errors import LmcourseError
from hf_lmcourse.evaluation.count_models import (
    CountModelScore,
    bigram_nll,
    trigram_nll,
    unigram_nll,
)

VOCABULARY = 4
ids = st.integers(min_value=0, max_value=VOCABULARY - 1)
texts = st.lists(ids, min_size=2, max_size=40)


def probability_of_last(model: Any, train: list[int], context: list[int], target: int) -> float:
    """P(target | context), as the price of one more token."""
    whole = model(train, [*context, target], VOCABULARY).nats
    before = model(train, context, VOCABULARY).nats
    return math.exp(before - whole)


@pytest.mark.parametrize("model", [bigram_nll, trigram_nll])
@given(train=texts)
@settings(max_examples=25, deadline=None)
def test_probabilities_sum_to_one_after_every_context(model: Any, train: list[int]) -> None:
    for u in range(VOCABULARY):
        for v in range(VOCABULARY):
            words = range(VOCABULARY)
            total = sum(probability_of_last(model, train, [u, v], w) for w in words)
            assert total == pytest.approx(1, abs=1e-12)


@given(train=texts, context=ids)
@settings(max_examples=25, deadline=None)
def test_first_token_probabilities_sum_to_one(train: list[int], context: int) -> None:
    for model in (unigram_nll, bigram_nll, trigram_nll):
        scores = [model(train, [w], VOCABULARY, first_context=context) for w in range(VOCABULARY)]
        assert sum(math.exp(-score.nats) for score in scores) == pytest.approx(1, abs=1e-12)


def test_unigram_is_the_count_plus_one() -> None:
    score = unigram_nll([0, 0, 1], [0, 1, 2], vocab_size=3, first_context=2)
    assert score.tokens == 3
    assert score.nats == pytest.approx(-math.log(3 / 6 * 2 / 6 * 1 / 6))


def test_trigram_follows_the_equation_on_a_text_counted_by_hand() -> None:
    # Trigrams, the start mark as s: s00 1, 000 1, 001 2, 010 1, 100 1, so D = 4 / (4 + 2) = 2/3.
    # Before 00: s, 0, 1; before 01: 0; before 10: 0; so n1 = 2, n2 = 0 and D = 1/2.
    # Before 0: 0, 1; before 1: 0; so n1 = n2 = 1 and D = 1/3.
    train, unigram_1 = [0, 0, 0, 1, 0, 0, 1], (1 - 1 / 3) / 3 + (1 / 3) * 2 / 3 * (1 / 2)
    bigram_1_after_0 = (1 - 0.5) / 4 + 0.5 * 2 / 4 * unigram_1
    trigram_1_after_00 = (2 - 2 / 3) / 3 + (2 / 3) * 2 / 3 * bigram_1_after_0
    assert math.exp(-bigram_nll(train, [0, 1], 2).nats) == pytest.approx(
        # Pairs: 00 three times, 01 twice, 10 once: D = 1 / (1 + 2).
        (2 - 1 / 3) / 5 + (1 / 3) * 2 / 5 * unigram_1
    )
    first = trigram_nll(train, [0, 0], 2).nats
    both = trigram_nll(train, [0, 0, 1], 2).nats
    assert math.exp(first - both) == pytest.approx(trigram_1_after_00)


@given(train=texts, evaluation=texts)
@settings(max_examples=25, deadline=None)
def test_without_a_first_context_one_token_less_is_predicted(
    train: list[int], evaluation: list[int]
) -> None:
    for model in (unigram_nll, bigram_nll, trigram_nll):
        assert model(train, evaluation, VOCABULARY).tokens == len(evaluation) - 1
        with_context = model(train, evaluation, VOCABULARY, first_context=0)
        assert with_context.tokens == len(evaluation)
        assert math.isfinite(with_context.nats) and with_context.nats > 0


def test_trigram_learns_a_pattern_that_the_unigram_cannot() -> None:
    text = np.tile([0, 0, 1, 2], 200)
    assert trigram_nll(text, text, 3).perplexity < 1.05 < 2 < unigram_nll(text, text, 3).perplexity


def test_perplexity_is_the_exponential_of_nats_per_token() -> None:
    assert CountModelScore(nats=4 * math.log(5), tokens=4).perplexity == pytest.approx(5)


@pytest.mark.parametrize(
    ("evaluation", "vocab_size"), [([0, 4], 4), ([-1, 0], 4), ([0], 4), ([0, 1], 2**40)]
)
def test_texts_that_do_not_fit_are_refused(evaluation: list[int], vocab_size: int) -> None:
    for model in (unigram_nll, bigram_nll, trigram_nll):
        with pytest.raises(LmcourseError, match="count model"):
            model([0, 1, 2], evaluation, vocab_size)


def penn_treebank(folder: Path, *splits: str) -> list[list[str]]:
    texts = []
    for split in splits:
        with gzip.open(folder / "ptb" / f"{split}.txt.gz", "rt", encoding="utf-8") as lines:
            texts.append([word for line in lines for word in [*line.split(), "<eos>"]])
    return texts


@pytest.mark.real_data
def test_penn_treebank_trigram_is_near_the_published_kneser_ney_perplexity(data_dir: Path) -> None:
    splits = penn_treebank(data_dir, "train", "test")
    number = {word: index for index, word in enumerate(sorted(set(splits[0])))}
    train, test = ([number[word] for word in words] for words in splits)
    score = trigram_nll(train, test, len(number), first_context=number["<eos>"])
    assert score.tokens == 82_430
    assert score.perplexity == pytest.approx(150.9, abs=0.2)


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("unknown", "validation", "test"), [("<rare>", 76.6, 78.6), ("<unk>", 69.2, 70.25)]
)
def test_penn_treebank_bigram_hangs_on_what_is_unknown(
    data_dir: Path, unknown: str, validation: float, test: float
) -> None:
    """One class for the text's own <unk> and for rarer words is easier to predict than two."""
    texts = penn_treebank(data_dir, "train", "validation", "test")
    kept = [word for word, _ in Counter(texts[0]).most_common(2000)]
    number = {word: index for index, word in enumerate(dict.fromkeys([*kept, unknown]))}
    train, *others = ([number.get(w, number[unknown]) for w in words] for words in texts)
    for text, tokens, perplexity in zip(others, (73_760, 82_430), (validation, test), strict=True):
        score = bigram_nll(train, text, len(number), first_context=number["<eos>"])
        assert score.tokens == tokens
        assert score.perplexity == pytest.approx(perplexity, abs=0.1)


@pytest.mark.parametrize("model", [bigram_nll, trigram_nll])
@given(train=texts, mark=ids)
@settings(max_examples=25, deadline=None)
def test_a_mark_that_is_only_context_is_read_and_not_predicted(
    model: Any, train: list[int], mark: int
) -> None:
    words = [w for w in range(VOCABULARY) if w != mark]
    if not any(token != mark for token in train[1:]):
        return
    for v in range(VOCABULARY):
        p = [math.exp(-model(train, [v, w], VOCABULARY, context_only=mark).nats) for w in words]
        # what is never counted keeps a share of 1 / V at most, of the lowest level
        assert 1 - 1 / VOCABULARY - 1e-12 <= sum(p) <= 1 + 1e-12
    score = model(train, [*words, mark, words[0]], VOCABULARY, context_only=mark)
    assert score.tokens == len(words)  # all but the first, and the one after the mark


def test_a_mark_that_is_only_context_is_no_unigram() -> None:
    text = [0, 1, 2, 1]
    score = unigram_nll(text, text, vocab_size=3, first_context=2, context_only=2)
    assert score.tokens == 3
    assert score.nats == pytest.approx(-math.log(2 / 6 * 3 / 6 * 3 / 6))
