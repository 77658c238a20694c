"""Dynamic evaluation against loops by hand; predict first, adapt afterwards."""

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from hf_lmcourse.adaptation.dynamic_evaluation import (
    RATES,
    DynamicSettings,
    gradient_statistics,
    score_dynamically,
    tune_dynamic_evaluation,
)

from .adapted import VOCABULARY, batches_of, model_of, some_text

SGD, RMS = DynamicSettings("sgd", 0.3, 0.05), DynamicSettings("rms", 0.02, 0.1)
every_kind = pytest.mark.parametrize("kind", ["lstm", "gru", "ngram_fnn", "transformer"])
every_rule = pytest.mark.parametrize("settings", [SGD, RMS], ids=["sgd", "rms"])


def statistics_of(model: Any) -> list[Tensor]:
    return gradient_statistics(model, batches_of(model, some_text(60, seed=1), 5, rows=2))


def losses_of(model: Any, tokens: np.ndarray, settings: DynamicSettings) -> Tensor:
    batches = batches_of(model, tokens, 5)
    return score_dynamically(model, batches, settings, statistics_of(model))[0]


def by_hand(model: Any, tokens: np.ndarray, settings: DynamicSettings) -> Tensor:
    """The rules as plain code on an LSTM, whose state is carried by hand."""
    rms = statistics_of(model)
    model = copy.deepcopy(model)
    weights = list(model.parameters())
    start = [w.detach().clone() for w in weights]
    mean = sum(float(r.mean()) for r in rms) / len(rms)
    inputs = torch.tensor([0, *tokens[:-1]])
    state: tuple[Tensor, ...] | None = None
    scored = []
    for first in range(0, len(tokens), 5):
        ids, targets = inputs[None, first : first + 5], torch.tensor(tokens[first : first + 5])
        hidden, state = model.model.layers[0](model.model.embed_tokens(ids), state)
        state = tuple(part[:, -1].detach() for part in state)
        losses = functional.cross_entropy(model.lm_head(hidden)[0], targets, reduction="none")
        scored.append(losses.detach())
        model.zero_grad()
        losses.mean().backward()
        with torch.no_grad():
            for w, w_0, r in zip(weights, start, rms, strict=True):
                if settings.rule == "sgd":
                    w += settings.decay * (w_0 - w) - settings.rate * w.grad
                else:
                    back = torch.clamp(settings.decay * r / mean, max=1)
                    w += back * (w_0 - w) - settings.rate * w.grad / (r + settings.epsilon)
    return torch.cat(scored)


@every_rule
def test_it_is_that_of_the_equations(settings: DynamicSettings) -> None:
    model, tokens = model_of("lstm"), some_text(33)
    torch.testing.assert_close(
        losses_of(model, tokens, settings), by_hand(model, tokens, settings), rtol=1e-9, atol=1e-9
    )


def test_the_statistics_are_root_mean_squares_and_leave_the_model_alone() -> None:
    model = model_of("lstm")
    before = copy.deepcopy(model.state_dict())
    rms = statistics_of(model)
    squares = [torch.zeros_like(w) for w in model.parameters()]
    batches, state = batches_of(model, some_text(60, seed=1), 5, rows=2), None
    for batch in batches:
        model.zero_grad()
        outputs = model(
            batch["input_ids"],
            shift_labels=batch["shift_labels"],
            past_key_values=state,
            use_cache=True,
        )
        outputs.loss.backward()
        state = outputs.past_key_values
        for layer in state.layers:
            layer.states = tuple(tensor.detach() for tensor in layer.states)
        for square, w in zip(squares, model.parameters(), strict=True):
            square += w.grad**2
    expected = [(square / len(batches)).sqrt() for square in squares]
    torch.testing.assert_close(rms, expected, rtol=1e-10, atol=1e-10)
    assert all(torch.equal(model.state_dict()[name], value) for name, value in before.items())


@every_kind
@every_rule
def test_a_score_is_a_distribution_that_reads_neither_its_token_nor_what_follows(
    kind: str, settings: DynamicSettings
) -> None:
    model, tokens = model_of(kind), some_text(21)
    before = losses_of(model, tokens, settings)
    for t in (4, 12, 20):
        total = 0.0
        for word in range(VOCABULARY):
            changed = tokens.copy()
            changed[t] = word
            after = losses_of(model, changed, settings)
            torch.testing.assert_close(after[:t], before[:t], rtol=1e-9, atol=1e-9)
            total += after[t].neg().exp().item()
        assert total == pytest.approx(1, abs=1e-9)


@every_kind
def test_it_adapts_and_leaves_the_model_as_it_was(kind: str) -> None:
    model, tokens = model_of(kind), some_text(30)
    before = copy.deepcopy(model.state_dict())
    still = losses_of(model, tokens, DynamicSettings("sgd", 0.0))
    moved = losses_of(model, tokens, SGD)
    assert all(torch.equal(model.state_dict()[name], value) for name, value in before.items())
    torch.testing.assert_close(moved[:5], still[:5])
    assert not torch.allclose(moved[5:], still[5:])


def test_a_text_that_repeats_itself_becomes_likelier() -> None:
    model, tokens = model_of("lstm"), np.tile(some_text(6), 15)
    still = losses_of(model, tokens, DynamicSettings("sgd", 0.0)).sum()
    assert losses_of(model, tokens, DynamicSettings("sgd", 0.1)).sum() < still


def test_tuning_finds_the_least_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    model, tokens = model_of("lstm"), np.tile(some_text(6), 10)
    monkeypatch.setitem(RATES, "sgd", (0.0, 0.1, 1e9))
    batches = batches_of(model, tokens, 5)
    tuned = tune_dynamic_evaluation(model, batches, DynamicSettings("sgd", 0.0))
    assert tuned.rate == 0.1


def test_rms_needs_statistics_and_a_rule_must_be_known() -> None:
    model = model_of("lstm")
    for settings in (RMS, DynamicSettings("adam", 0.1)):
        with pytest.raises(ValueError, match="must be sgd, or rms with gradient statistics"):
            score_dynamically(model, batches_of(model, some_text()), settings)
