"""Bigrams of a text: every pair once, as examples or as counts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader

from hf_lmcourse import LmcourseError
from hf_lmcourse.data.bigrams import BigramCountsOfText, Bigrams

texts = st.lists(st.integers(0, 6), min_size=2, max_size=30)


@given(text=texts, first=st.none() | st.integers(0, 6))
@settings(max_examples=40, deadline=None)
def test_examples_are_the_pairs_of_the_text(text: list[int], first: int | None) -> None:
    whole = text if first is None else [first, *text]
    bigrams = Bigrams(np.array(text, dtype=np.uint16), first)
    expected = list(zip(whole, whole[1:], strict=False))
    assert len(bigrams) == len(expected)
    found = []
    for batch in DataLoader(bigrams, batch_size=3):
        assert batch["labels"].equal(batch["shift_labels"])
        assert batch["input_ids"].shape == batch["labels"].shape == (len(batch["labels"]), 1)
        sides = (batch[name].flatten().tolist() for name in ("input_ids", "labels"))
        found += zip(*sides, strict=True)
    assert found == expected
    assert bigrams[len(bigrams) - 1]["labels"].item() == text[-1]


@given(text=texts)
@settings(max_examples=20, deadline=None)
def test_counts_are_one_example(text: list[int]) -> None:
    dataset = BigramCountsOfText(Bigrams(np.array(text)))
    assert len(dataset) == 1
    assert dataset[0]["input_ids"].tolist() == sorted(set(text[:-1]))
    assert dataset.counts.total == len(text) - 1
    with pytest.raises(IndexError):
        dataset[1]


def test_a_text_without_a_pair_is_refused() -> None:
    with pytest.raises(LmcourseError, match="1 tokens has no bigram"):
        Bigrams(np.array([3]))


@given(text=texts, never=st.integers(0, 6))
@settings(max_examples=40, deadline=None)
def test_pairs_that_end_in_a_context_mark_are_left_out(text: list[int], never: int) -> None:
    expected = [(u, v) for u, v in zip([7, *text], text, strict=False) if v != never]
    if not expected:
        with pytest.raises(LmcourseError, match="has no bigram"):
            Bigrams(np.array(text), 7, context_only=never)
        return
    bigrams = Bigrams(np.array(text), 7, context_only=never)
    pairs = zip(bigrams.contexts.tolist(), bigrams.targets.tolist(), strict=True)
    assert list(pairs) == expected
