"""The gradients by hand are those of autograd, and counts give what the tokens give."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from hf_lmcourse.kernels import bigram_gradients, logit_chunks
from hf_lmcourse.kernels.bigram_gradients import (
    BigramCounts,
    BigramParameters,
    count_gradients,
    token_gradients,
)
from hf_lmcourse.layers.bigram import bigram_forward

VOCABULARY, SIZE, HIDDEN = 7, 3, 4
CLOSE = {"rtol": 1e-9, "atol": 1e-9}
texts = st.lists(st.integers(0, VOCABULARY - 1), min_size=2, max_size=30)


def draw(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)


def some_parameters() -> BigramParameters:
    shapes = [(SIZE, HIDDEN), (HIDDEN,), (HIDDEN, VOCABULARY), (VOCABULARY,)]
    return BigramParameters(*(draw(*shape, seed=seed) for seed, shape in enumerate(shapes)))


def autograd_gradients(
    x: Tensor, targets: Tensor, parameters: BigramParameters
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """The same network from torch's own parts."""
    W1, b1, W2, b2 = parameters
    h = functional.sigmoid(functional.linear(x, W1.t(), b1))
    loss = functional.cross_entropy(functional.linear(h, W2.t(), b2), targets)
    return loss, torch.autograd.grad(loss, (x, *parameters))


def test_token_gradients_are_those_of_autograd() -> None:
    x, parameters = draw(9, SIZE, seed=8), some_parameters()
    targets = torch.tensor([0, 6, 6, 1, 2, 3, 0, 0, 5])
    with torch.no_grad():
        loss, d_x, d_parameters = token_gradients(x, targets, parameters)
    expected_loss, expected = autograd_gradients(x, targets, parameters)
    torch.testing.assert_close(loss, expected_loss, **CLOSE)
    torch.testing.assert_close((d_x, *d_parameters), expected, **CLOSE)


def test_token_gradients_are_the_numerical_ones() -> None:
    x, targets, step = draw(5, SIZE, seed=8), torch.tensor([0, 6, 6, 1, 2]), 1e-6
    leaves = [x.detach(), *(p.detach() for p in some_parameters())]

    def loss() -> float:
        return token_gradients(leaves[0], targets, BigramParameters(*leaves[1:]))[0].item()

    _, d_x, d_parameters = token_gradients(leaves[0], targets, BigramParameters(*leaves[1:]))
    for leaf, gradient in zip(leaves, (d_x, *d_parameters), strict=True):
        flat = leaf.view(-1)
        for index, slope in enumerate(gradient.flatten().tolist()):
            flat[index] += step
            above = loss()
            flat[index] -= 2 * step
            below = loss()
            flat[index] += step
            assert slope == pytest.approx((above - below) / (2 * step), abs=1e-8)


@given(text=texts, chunk=st.integers(1, 4))
@settings(max_examples=40, deadline=None)
def test_counts_give_the_loss_and_gradients_of_all_tokens(text: list[int], chunk: int) -> None:
    embeddings, parameters = draw(VOCABULARY, SIZE, seed=8), some_parameters()
    tokens = torch.tensor(text)
    counts = BigramCounts.of(tokens[:-1], tokens[1:])
    with pytest.MonkeyPatch.context() as patch, torch.no_grad():
        patch.setattr(logit_chunks, "_CHUNK_ELEMENTS", chunk * VOCABULARY)
        patch.setattr(logit_chunks, "_LEAST_CHUNK", 1)
        loss, d_x, d_parameters = count_gradients(embeddings[counts.previous], counts, parameters)
        d_embeddings = torch.zeros_like(embeddings).index_add_(0, counts.previous, d_x)
    expected_loss = functional.cross_entropy(
        bigram_forward(embeddings[tokens[:-1]], *parameters)[1], tokens[1:]
    )
    expected = torch.autograd.grad(expected_loss, (embeddings, *parameters))
    torch.testing.assert_close(loss, expected_loss, **CLOSE)
    torch.testing.assert_close((d_embeddings, *d_parameters), expected, **CLOSE)


@given(text=texts)
@settings(max_examples=40, deadline=None)
def test_counts_are_those_of_the_text(text: list[int]) -> None:
    tokens = torch.tensor(text)
    counts = BigramCounts.of(tokens[:-1], tokens[1:])
    pairs = list(zip(text, text[1:], strict=False))
    words = counts.previous[counts.row].tolist()
    columns = (words, counts.following.tolist(), counts.counts.tolist())
    found = {(u, v): count for u, v, count in zip(*columns, strict=True)}
    assert found == {pair: pairs.count(pair) for pair in set(pairs)}
    assert counts.total == len(pairs)
    for index, word in enumerate(counts.previous.tolist()):
        assert counts.occurrences[index] == sum(u == word for u, _ in pairs)
        first, last = counts.first_pair[index : index + 2].tolist()
        assert set(words[first:last]) == {word}


def test_the_softmax_is_taken_once_a_word_however_long_the_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows, forward = [], bigram_gradients._forward

    def counted(x: Tensor, parameters: BigramParameters) -> tuple[Tensor, Tensor]:
        rows.append(len(x))
        return forward(x, parameters)

    monkeypatch.setattr(bigram_gradients, "_forward", counted)
    tokens = torch.arange(3).repeat(100)
    counts = BigramCounts.of(tokens[:-1], tokens[1:])
    with torch.no_grad():
        count_gradients(draw(3, SIZE), counts, some_parameters())
    assert sum(rows) == 3
