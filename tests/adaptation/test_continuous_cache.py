"""Continuous cache against the definition; the order of prediction and adaptation."""

import math
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from hf_lmcourse.adaptation import continuous_cache as module
from hf_lmcourse.adaptation.continuous_cache import (
    CacheSettings,
    cache_log_probabilities,
    hidden_stream,
    score_with_cache,
    tune_cache,
)

from .adapted import VOCABULARY, batches_of, model_of, some_text

SETTINGS = CacheSettings(window=9, theta=0.4, half_life=6.0, weight=0.3)
every_kind = pytest.mark.parametrize("kind", ["lstm", "gru", "ngram_fnn", "transformer"])


def losses_of(model: Any, tokens: np.ndarray, settings: CacheSettings = SETTINGS) -> Tensor:
    return score_with_cache(hidden_stream(model, batches_of(model, tokens)), settings)[0]


@pytest.mark.parametrize("window", [1, 4, 100])
@pytest.mark.parametrize("at_once", [1, 7, 256])
def test_the_cache_is_that_of_the_equation(
    window: int, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_QUERIES_AT_ONCE", at_once)
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(25, 3, generator=generator, dtype=torch.float64)
    targets = torch.randint(4, (25,), generator=generator)
    kernels = ((0.0, None), (0.7, None), (0.7, 5.0), (0.0, 2.0))
    rows = cache_log_probabilities(hidden, targets, window, kernels)
    for row, (theta, half_life) in zip(rows, kernels, strict=True):
        share = 1.0 if half_life is None else 0.5 ** (1 / half_life)
        for t in range(1, 25):
            past = range(max(0, t - window), t)
            weights = {
                i: math.exp(theta * float(hidden[t] @ hidden[i])) * share ** (t - i) for i in past
            }
            same = sum(w for i, w in weights.items() if targets[i] == targets[t])
            expected = same / sum(weights.values())
            assert row[t].exp().item() == pytest.approx(expected, abs=1e-12)
    assert not rows[:, 0].any()


@pytest.mark.parametrize("rows", [3, 16])
def test_windows_of_a_batch_are_read_in_order(rows: int) -> None:
    model, tokens = model_of("transformer"), some_text(50)
    one_by_one = hidden_stream(model, batches_of(model, tokens))
    at_once = hidden_stream(model, batches_of(model, tokens, rows=rows))
    for column, expected in zip(vars(at_once).values(), vars(one_by_one).values(), strict=True):
        torch.testing.assert_close(column, expected)


@every_kind
def test_the_mixture_is_a_distribution_given_the_past(kind: str) -> None:
    """Over all words in its place the probabilities of a token add up to one: it is not read."""
    model, tokens = model_of(kind), some_text(23)
    for t in (1, 8, 22):
        total = 0.0
        for word in range(VOCABULARY):
            changed = tokens[: t + 1].copy()
            changed[t] = word
            total += losses_of(model, changed)[t].neg().exp().item()
        assert total == pytest.approx(1, abs=1e-9)


@every_kind
def test_a_score_depends_on_nothing_that_follows(kind: str) -> None:
    model, tokens = model_of(kind), some_text(23)
    before = losses_of(model, tokens)
    for t in (3, 12, 22):
        changed = tokens.copy()
        changed[t] = (changed[t] + 1) % VOCABULARY
        after = losses_of(model, changed)
        torch.testing.assert_close(after[:t], before[:t], rtol=1e-9, atol=1e-9)
        assert after[t] != before[t]


def test_hidden_states_have_length_one_so_that_a_theta_fits_every_model() -> None:
    model, tokens = model_of("lstm"), some_text()
    lengths = hidden_stream(model, batches_of(model, tokens)).hidden.norm(dim=-1)
    torch.testing.assert_close(lengths, torch.ones_like(lengths))


def test_a_model_in_half_precision_has_ages_that_are_exact() -> None:
    model, tokens = model_of("lstm").bfloat16(), some_text()
    assert hidden_stream(model, batches_of(model, tokens)).hidden.dtype == torch.float32


@every_kind
def test_without_weight_it_is_the_model_alone(kind: str) -> None:
    model, tokens = model_of(kind), some_text()
    stream = hidden_stream(model, batches_of(model, tokens))
    assert stream.targets.tolist() == tokens.tolist()
    losses, totals = score_with_cache(stream, CacheSettings(5, 0.3, None, 0.0))
    torch.testing.assert_close(losses, -stream.log_p)
    assert totals.tokens == len(tokens)
    assert totals.nats == pytest.approx(losses.sum().item())


def test_a_text_that_repeats_itself_becomes_likelier() -> None:
    model = model_of("lstm")
    tokens = np.tile(some_text(6), 10)
    plain = losses_of(model, tokens, CacheSettings(50, 0.0, None, 0.0)).sum()
    assert losses_of(model, tokens, CacheSettings(50, 1.0, 20.0, 0.5)).sum() < plain


def test_tuning_finds_the_least_loss_of_the_grid() -> None:
    model, tokens = model_of("lstm"), np.tile(some_text(6), 6)
    stream = hidden_stream(model, batches_of(model, tokens))
    grid = ((3, 20), (0.0, 0.5, 2.0), (4.0, None), (0.1, 0.5))
    tuned = tune_cache(stream, grid)
    losses = {
        settings: score_with_cache(stream, settings)[1].nats
        for settings in (CacheSettings(*values) for values in product(*grid))
    }
    assert losses[tuned] == min(losses.values())
