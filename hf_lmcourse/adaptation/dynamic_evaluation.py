"""Dynamic evaluation: the weights follow the text that is being scored, after each prediction."""

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice, product
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import Cache

from ..evaluation.corpus_scores import StreamTotals
from ..kernels.softmax_loss import IGNORED
from ..models.cache import detach_state
from ..models.causal_lm import LanguageModelForCausalLM

__all__ = [
    "DynamicSettings",
    "gradient_statistics",
    "score_dynamically",
    "tune_dynamic_evaluation",
]

Batches = Sequence[dict[str, Tensor]]

RATES = {"sgd": (0.001, 0.003, 0.01, 0.03, 0.1, 0.3), "rms": (3e-5, 1e-4, 3e-4, 1e-3)}
DECAYS = {"sgd": (0.0,), "rms": (0.001, 0.003, 0.01)}
"""Learning rates and decays that are tried where nobody names any."""


@dataclass(frozen=True)
class DynamicSettings:
    """How the weights follow the text.

    Attributes:
        rule: "sgd" or "rms", see `score_dynamically`.
        rate: eta.
        decay: lambda, how strongly the weights return to what they were trained to.
        epsilon: of "rms", keeps small gradients from large steps.
    """

    rule: str
    rate: float
    decay: float = 0.0
    epsilon: float = 2e-5


def _next_loss(
    model: Any, batch: dict[str, Tensor], state: Cache | None
) -> tuple[Tensor, Tensor, Tensor, Cache | None]:
    """The mean loss of a segment with its graph, losses and targets, and the state to carry on."""
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
    """The root mean square of each weight's gradient over batches of the training text.

        RMS = sqrt(1/B sum over batches b of g_b^2)

    Args:
        model: in evaluation mode; it is left as it is.
        batches: of the training text, in order.

    Returns:
        One tensor a trained parameter.
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
    """Score a text segment by segment, taking a gradient step on each after it was scored.

    With w the weights, w_0 those of the training, and g the gradient of a segment's mean loss:

        sgd:  w <- w + lambda (w_0 - w) - eta g
        rms:  w <- w + min(1, lambda R) (w_0 - w) - eta g / (RMS + epsilon),    R = RMS / mean(RMS)

    every product elementwise, RMS from `gradient_statistics`, and mean(RMS) the mean over tensors
    of each tensor's mean. The order is predict, then adapt: no token has a part in its own score.

    Args:
        model: in evaluation mode. It is copied, and left as it is.
        batches: of `scoring_data`: a single stream in blocks of a segment, or windows one by one
            with a segment as their stride.
        settings: of the rule.
        statistics: for "rms".

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
    """What each gradient, and each way back, is multiplied by."""
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
    """The learning rate and decay with the least loss on a text, not the one reported on.

    Args:
        model: in evaluation mode.
        batches: of a validation text.
        settings: what is kept of these is the rule and epsilon.
        statistics: for "rms".
        segments: of the text to look at; all where not given.
    """
    batches = list(islice(batches, segments))
    found: list[tuple[float, DynamicSettings]] = []
    for rate, decay in product(RATES[settings.rule], DECAYS[settings.rule]):
        tried = replace(settings, rate=rate, decay=decay)
        _, totals = score_dynamically(model, batches, tried, statistics)
        if totals.nats == totals.nats:  # not where the steps were so large that it diverged
            found.append((totals.nats, tried))
    return min(found, key=lambda pair: pair[0])[1]
