"""Means over ragged texts equal the plain ones; word dropout never empties a text."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from hf_lmcourse.kernels.bags import bag_counts, padded, ragged, text_of_word
from hf_lmcourse.layers.averaging import (
    hashed_ngrams,
    kept_words,
    mean_vectors,
    padded_ngrams,
    shares_of_distinct,
    words_first,
)
from hf_lmcourse.models.embeddings import embedding_rows

some_lengths = st.lists(st.integers(0, 6), min_size=1, max_size=5)


def words_for(lengths: list[int], vocabulary: int = 7) -> Tensor:
    return torch.randint(vocabulary, (sum(lengths),), generator=torch.Generator().manual_seed(0))


@given(lengths=some_lengths, left=st.booleans())
@settings(max_examples=30, deadline=None)
def test_padding_on_either_side_is_dropped(lengths: list[int], left: bool) -> None:
    words = words_for(lengths)
    ids = torch.zeros(len(lengths), max(lengths) + 1, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, text in enumerate(words.split(lengths)):
        place = slice(ids.shape[1] - len(text), None) if left else slice(0, len(text))
        ids[row, place], mask[row, place] = text, 1
    found, found_lengths = ragged(ids, mask)
    assert found.tolist() == words.tolist()
    assert found_lengths.tolist() == lengths


@given(lengths=some_lengths, p=st.floats(0, 0.99))
@settings(max_examples=50, deadline=None)
def test_word_dropout_leaves_a_word_in_every_text(lengths: list[int], p: float) -> None:
    shuffled = torch.randperm(sum(lengths), generator=torch.Generator().manual_seed(0))
    text = text_of_word(torch.tensor(lengths))[shuffled]
    kept = kept_words(text, len(lengths), p)
    per_text = [kept[text == index].sum().item() for index in range(len(lengths))]
    assert all(count >= 1 for count, length in zip(per_text, lengths, strict=True) if length)


def test_word_dropout_drops_the_share_asked_for() -> None:
    torch.manual_seed(0)
    text = text_of_word(torch.full((200,), 100))
    kept = kept_words(text, 200, 0.3)
    assert abs(kept.double().mean() - 0.7) < 0.01
    assert bool(kept_words(text, 200, 0.0).all())


@given(lengths=some_lengths)
@settings(max_examples=30, deadline=None)
def test_the_product_with_counts_is_the_sum_of_vectors(lengths: list[int]) -> None:
    words, table = words_for(lengths), torch.randn(7, 3, dtype=torch.float64)
    text = text_of_word(torch.tensor(lengths))
    weights = torch.rand(len(words), dtype=torch.float64)
    distinct, counts = bag_counts(words, text, weights, len(lengths))
    assert len(set(distinct.tolist())) == len(distinct)
    expected = torch.zeros(len(lengths), 3, dtype=torch.float64)
    for word, place, weight in zip(words, text, weights, strict=True):
        expected[place] += weight * table[word]
    torch.testing.assert_close(counts @ table[distinct], expected)


def test_the_reference_is_the_mean_of_each_text() -> None:
    lengths, words = [3, 0, 2], torch.tensor([0, 1, 1, 2, 0])
    table, r = torch.randn(3, 4, dtype=torch.float64), torch.tensor([1.0, 2.0, 3.0]).double()
    text = text_of_word(torch.tensor(lengths))
    found = mean_vectors(table[words], r[words], text, len(lengths))
    expected = [
        (table[0] + 2 * table[1] + 2 * table[1]) / 3,
        torch.zeros(4).double(),
        (3 * table[2] + table[0]) / 2,
    ]
    torch.testing.assert_close(found, torch.stack(expected))
    by_root = mean_vectors(table[words], r[words], text, len(lengths), a=0.5)
    root = torch.tensor(lengths).clamp(min=1).sqrt().unsqueeze(-1)
    torch.testing.assert_close(by_root, torch.stack(expected) * root)


def test_an_ngram_is_its_words_wherever_it_is() -> None:
    words = torch.tensor([1, 2, 3, 1, 2, 2, 1])
    ((buckets, text),) = hashed_ngrams(words, torch.tensor([3, 2, 2]), 2, 1 << 40)
    assert text.tolist() == [0, 0, 1, 2]  # none reaches over the end of a text
    first, second, again, turned = buckets.tolist()
    assert first == again and len({first, second, turned}) == 3


def test_longer_ngrams_come_on_top() -> None:
    pairs, triples = hashed_ngrams(torch.arange(4), torch.tensor([4]), 3, 1 << 40)
    buckets = torch.cat([pairs[0], triples[0]]).tolist()
    assert len(set(buckets)) == len(buckets) == 3 + 2
    ((few, _),) = hashed_ngrams(torch.arange(50), torch.tensor([50]), 2, 10)
    assert 0 <= few.min() and few.max() < 10


@given(lengths=some_lengths, n=st.integers(2, 8))
@settings(max_examples=30, deadline=None)
def test_short_texts_have_fewer_ngrams(lengths: list[int], n: int) -> None:
    found = hashed_ngrams(words_for(lengths), torch.tensor(lengths), n, 100)
    for k, (buckets, text) in enumerate(found, start=2):
        expected = [max(0, length - k + 1) for length in lengths]
        assert torch.bincount(text, minlength=len(lengths)).tolist() == expected
        assert len(buckets) == sum(expected)


@given(lengths=some_lengths)
@settings(max_examples=30, deadline=None)
def test_padding_is_the_inverse_of_its_removal(lengths: list[int]) -> None:
    words = words_for(lengths)
    ids, real = padded(words, torch.tensor(lengths, dtype=torch.long))
    assert ids.shape == (len(lengths), max(lengths, default=0))
    found, counts = ragged(ids, real)
    assert found.tolist() == words.tolist() and counts.tolist() == lengths
    turned, there = words_first(ids.flip(1), real.flip(1))  # padding on the left
    assert torch.equal(there, real)
    texts = words.split(lengths)
    assert [row[r].tolist() for row, r in zip(turned, there, strict=True)] == [
        text.flip(0).tolist() for text in texts
    ]


@given(lengths=some_lengths.filter(any), n=st.integers(2, 5))
@settings(max_examples=30, deadline=None)
def test_a_padded_batch_has_the_same_ngrams(lengths: list[int], n: int) -> None:
    words, counts = words_for(lengths), torch.tensor(lengths)
    buckets, there = padded_ngrams(*padded(words, counts), n, 1000)
    found = hashed_ngrams(words, counts, n, 1000)
    for text in range(len(lengths)):
        expected = torch.cat([ids[of == text] for ids, of in found]).tolist()
        assert buckets[text, there[text]].tolist() == expected


def test_the_shares_of_a_word_add_up_to_one() -> None:
    ids = torch.tensor([[1, 2, 1, 1], [3, 3, 4, 5]])
    real = torch.tensor([[1.0, 1.0, 1.0, 0.0], [1.0, 1.0, 0.0, 1.0]])
    shares = shares_of_distinct(ids, real)
    assert shares.tolist() == [[0.5, 1.0, 0.5, 0.0], [0.5, 0.5, 0.0, 1.0]]


def test_frozen_rows_get_no_gradient() -> None:
    weight = torch.randn(4, 2, requires_grad=True)
    frozen = torch.tensor([False, True, False, True])
    for sparse in (False, True):
        rows = embedding_rows(weight, torch.tensor([0, 1]), sparse=sparse, frozen=frozen)
        (gradient,) = torch.autograd.grad(rows.sum(), weight)
        assert gradient.to_dense().tolist() == [[1, 1], [0, 0], [0, 0], [0, 0]]
