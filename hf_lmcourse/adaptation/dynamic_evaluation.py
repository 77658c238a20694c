"""Dynamic evaluation: gradient steps on the text that is being scored, after each prediction."""

import copy
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice, product
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import Cache

from ..evaluation.corpus_scores import StreamTotals
from ..kernels.softmax_loss import IGNORED
from ..models.carried_states import detach_state
from ..models.causal_lm import LanguageModelForCausalLM

RATES = {"sgd": (0.001, 0.003, 0.01, 0.03, 0.1, 0.3), "rms": (3e-5, 1e-4, 3e-4, 1e-3)}
DECAYS = {"sgd": (0.0,), "rms": (0.001, 0.003, 0.01)}
"""Learning rates and decays that `tune_dynamic_evaluation` tries."""


@dataclass(frozen=True)
class DynamicSettings:
    """Settings of dynamic evaluation.

    Attributes:
        rule: "sgd" or "rms", see `score_dynamically`.
        rate: Learning rate eta.
        decay: Lambda, rate of the decay towards the trained weights.
        epsilon: Added to the root mean square in "rms"; it limits steps of small gradients.
    """

    rule: str
    rate: float
    decay: float = 0.0
    epsilon: float = 2e-5


def _next_loss(
    model: Any, batch: dict[str, Tensor], state: Cache | None
) -> tuple[Tensor, Tensor, Tensor, Cache | None]:
    """Return the mean loss of a segment with its graph, hidden states, targets and next state."""
    inputs = batch["input_ids"].to(model.device)
    targets = batch["shift_labels"].to(model.device)
    outputs = model.model(input_ids=inputs, past_key_values=state, use_cache=True)
    hidden = outputs.last_hidden_state
    total, _ = model.summed_losses(hidden.flatten(0, 1), targets.flatten())
    mean = total / (targets != IGNORED).sum().clamp(min=1)
    state = detach_state(outputs.past_key_values) if model.carries_state else None
    return mean, hidden.detach(), targets, state


def _trained(model: torch.nn.Module) -> list[torch.nn.Parameter]:
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def gradient_statistics(
    model: LanguageModelForCausalLM, batches: Iterable[dict[str, Tensor]]
) -> list[Tensor]:
    """Compute the root mean square of each weight's gradient over batches of the training text.

        RMS = sqrt(1/B sum over batches b of g_b^2)

    Args:
        model: The model, in evaluation mode; it is not changed.
        batches: Batches of the training text, in order.

    Returns:
        One tensor per trained parameter.
    """
    weights, state, count = _trained(model), None, 0
    squares = [torch.zeros_like(w) for w in weights]
    for batch in batches:
        loss, _, _, state = _next_loss(model, batch, state)
        for square, grad in zip(squares, _gradients(loss, weights), strict=True):
            square.addcmul_(grad, grad)
        count += 1
    return [square.div_(max(1, count)).sqrt_() for square in squares]


def _gradients(loss: Tensor, weights: Sequence[Tensor]) -> tuple[Tensor, ...]:
    return torch.autograd.grad(loss, weights, allow_unused=True, materialize_grads=True)


def score_dynamically(
    model: LanguageModelForCausalLM,
    batches: Iterable[dict[str, Tensor]],
    settings: DynamicSettings,
    statistics: Sequence[Tensor] | None = None,
) -> tuple[Tensor, StreamTotals]:
    """Score a text segment by segment, with a gradient step on each after it was scored.

    With w the weights, w_0 the trained weights, and g the gradient of a segment's mean loss:

        sgd:  w <- w + lambda (w_0 - w) - eta g
        rms:  w <- w + min(1, lambda R) (w_0 - w) - eta g / (RMS + epsilon),    R = RMS / mean(RMS)

    every product elementwise, RMS from `gradient_statistics`, and mean(RMS) the mean over tensors
    of each tensor's mean. No token has an influence on its own score.

    Args:
        model: The model, in evaluation mode; it is copied.
        batches: Batches of `scoring_data`: a single stream in blocks of a segment, or single
            windows with a segment as their stride.
        settings: Rule, rate, decay and epsilon.
        statistics: From `gradient_statistics`, for "rms".

    Returns:
        The losses in nats, in the order of the text, and their sum.

    Raises:
        ValueError: "rms" without statistics, or an unknown rule.

    Shape:
        losses: (tokens,), float64.

    Reference:
        Krause, Kahembwe, Murray and Renals 2018, Dynamic Evaluation of Neural Sequence Models.
    """
    if settings.rule not in RATES or (settings.rule == "rms" and statistics is None):
        raise ValueError(f"rule {settings.rule!r} must be sgd, or rms with gradient statistics")
    model, state = copy.deepcopy(model), None
    weights = _trained(model)
    trained = [w.detach().clone() for w in weights]
    scales, decays = _scales(settings, statistics, len(weights))
    parts, hits = [], 0
    for batch in batches:
        loss, hidden, targets, state = _next_loss(model, batch, state)
        losses, right = model.score_hidden(hidden, targets)
        parts.append(losses[targets != IGNORED])
        hits += int(right.sum())
        if not len(parts[-1]):
            continue
        grads = _gradients(loss, weights)
        with torch.no_grad():
            for w, w_0, g, scale, decay in zip(
                weights, trained, grads, scales, decays, strict=True
            ):
                w.lerp_(w_0, decay)  # w + decay (w_0 - w), in one pass over memory
                if scale is None:
                    w.sub_(g, alpha=settings.rate)
                else:
                    w.addcmul_(g, scale, value=-settings.rate)
    all_losses = torch.cat(parts)
    return all_losses, StreamTotals(all_losses.sum().item(), hits, len(all_losses))


def _scales(
    settings: DynamicSettings, statistics: Sequence[Tensor] | None, count: int
) -> tuple[Sequence[Tensor | None], Sequence[Tensor | float]]:
    """Return the factor of each gradient (`None` for 1) and of each decay."""
    if settings.rule == "sgd" or statistics is None:
        return [None] * count, [settings.decay] * count
    mean = torch.stack([rms.mean() for rms in statistics]).mean()
    scales = [1 / (rms + settings.epsilon) for rms in statistics]
    return scales, [(settings.decay * rms / mean).clamp(max=1) for rms in statistics]


def tune_dynamic_evaluation(
    model: LanguageModelForCausalLM,
    batches: Iterable[dict[str, Tensor]],
    settings: DynamicSettings,
    statistics: Sequence[Tensor] | None = None,
    segments: int | None = None,
) -> DynamicSettings:
    """Search for the learning rate and decay with the least loss on a validation text.

    Args:
        model: The model, in evaluation mode.
        batches: Batches of the validation text.
        settings: Rule and epsilon.
        statistics: From `gradient_statistics`, for "rms".
        segments: Number of segments to score; all by default.
    """
    batches = list(islice(batches, segments))
    found: list[tuple[float, DynamicSettings]] = []
    for rate, decay in product(RATES[settings.rule], DECAYS[settings.rule]):
        tried = replace(settings, rate=rate, decay=decay)
        _, totals = score_dynamically(model, batches, tried, statistics)
        if not math.isnan(totals.nats):  # too large a rate diverges
            found.append((totals.nats, tried))
    return min(found, key=lambda pair: pair[0])[1]
