"""n-grams of a text in chunks are those of the whole text."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_lmcourse.evaluation import ngram_counts
from hf_lmcourse.evaluation.count_models import trigram_nll
from hf_lmcourse.evaluation.ngram_counts import count_numbers, packed_trigrams

ids = st.lists(st.integers(0, 4), min_size=2, max_size=12)


@given(tokens=ids, chunk=st.integers(1, 13), first=st.sampled_from([None, 0]))
def test_trigrams_cross_the_borders_of_chunks(
    tokens: list[int], chunk: int, first: int | None
) -> None:
    text = [5, *([] if first is None else [first]), *tokens]
    expected = [(u * 6 + v) * 6 + w for u, v, w in zip(text, text[1:], text[2:], strict=False)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ngram_counts, "_CHUNK", chunk)
        found = list(packed_trigrams("train", np.array(tokens, np.uint16), 5, first, None))
    assert np.concatenate(found).tolist() == expected


@given(
    chunks=st.lists(st.lists(st.integers(0, 9), max_size=5), max_size=8), chunk=st.integers(1, 20)
)
def test_numbers_are_counted_across_chunks(chunks: list[list[int]], chunk: int) -> None:
    expected = Counter(number for part in chunks for number in part)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ngram_counts, "_CHUNK", chunk)
        numbers, counts = count_numbers((np.array(part, np.int64) for part in chunks), 10)
    assert numbers.tolist() == sorted(expected)
    assert dict(zip(numbers.tolist(), counts.tolist(), strict=True)) == expected


def test_a_text_is_scored_the_same_whatever_the_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    train, scored = rng.integers(0, 7, 500), rng.integers(0, 7, 99)
    whole = trigram_nll(train, scored, 7, first_context=1, context_only=2)
    monkeypatch.setattr(ngram_counts, "_CHUNK", 10)
    cut = trigram_nll(train, scored, 7, first_context=1, context_only=2)
    assert (cut.nats, cut.tokens) == (pytest.approx(whole.nats, rel=1e-12), whole.tokens)
