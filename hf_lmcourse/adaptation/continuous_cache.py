"""Continuous cache: recent words are likely to recur in similar contexts."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor
from torch.nn.functional import normalize
from transformers.cache_utils import Cache

from ..evaluation.corpus_scores import StreamTotals
from ..kernels.softmax_loss import IGNORED
from ..models.causal_lm import LanguageModelForCausalLM

_QUERIES_AT_ONCE = 256

Kernel = tuple[float, float | None]
"""Theta and half-life."""

Grid = tuple[Sequence[int], Sequence[float], Sequence[float | None], Sequence[float]]

GRID: Grid = (
    (2000,),
    (0.0, 5.0, 8.0, 10.0, 12.0, 15.0, 20.0, 30.0),
    (250.0, 500.0, 1000.0, None),
    (0.02, 0.05, 0.07, 0.1, 0.12, 0.15, 0.2, 0.3, 0.4),
)
"""Windows, thetas, half-lives and weights that `tune_cache` tries by default."""


@dataclass(frozen=True)
class CacheSettings:
    """The settings of a continuous cache.

    Attributes:
        window: Number of recent tokens in the cache.
        theta: Inverse temperature of the similarity of contexts.
        half_life: After how many tokens an entry counts half; never if it is None.
        weight: Lambda, weight of the cache in the mixture.
    """

    window: int
    theta: float
    half_life: float | None
    weight: float


@dataclass(frozen=True)
class HiddenStream:
    """Hidden states and predictions of a model on a text.

    Attributes:
        hidden: h_t / |h_t|, where h_t is the input of the output layer: a theta means the same
            for every model. Shape: (tokens, size).
        targets: x_{t+1}, the token to predict. Shape: (tokens,).
        log_p: Log p_model(x_{t+1}), float64. Shape: (tokens,).
        hits: Whether the most likely token is the target. Shape: (tokens,).
    """

    hidden: Tensor
    targets: Tensor
    log_p: Tensor
    hits: Tensor


@torch.no_grad()
def hidden_stream(
    model: LanguageModelForCausalLM, batches: Iterable[dict[str, Tensor]]
) -> HiddenStream:
    """Run a model over a text in order.

    Args:
        model: The model, in evaluation mode.
        batches: Batches of `scoring_data`, of a single stream or of windows.
    """
    state: Cache | None = None
    parts = []
    for batch in batches:
        inputs = batch["input_ids"].to(model.device)
        targets = batch["shift_labels"].to(model.device)
        outputs = model.model(input_ids=inputs, past_key_values=state, use_cache=True)
        state = outputs.past_key_values if model.carries_state else None
        losses, hits = model.score_hidden(outputs.last_hidden_state, targets)
        kept = targets != IGNORED
        hidden = outputs.last_hidden_state[kept]
        hidden = hidden.to(torch.promote_types(hidden.dtype, torch.float32))  # ages are exact too
        parts.append((normalize(hidden, dim=-1), targets[kept], -losses[kept], hits[kept]))
    return HiddenStream(*(torch.cat(column) for column in zip(*parts, strict=True)))


@torch.no_grad()
def cache_log_probabilities(
    hidden: Tensor, targets: Tensor, window: int, kernels: Sequence[Kernel]
) -> Tensor:
    """Compute the log-probability of each target under the cache alone, for several kernels.

        p_cache(w | x_1 .. x_t)  ~  sum over i = max(0, t - window) .. t - 1 of
                                    1[x_{i+1} = w] exp(theta h_t h_i) 2^{-(t - i) / half_life}

    The pair (h_i, x_{i+1}) enters the cache once x_{i+1} is known: neither the token to be
    predicted nor a later one is used.

    Args:
        hidden: h_0, h_1, ...
        targets: x_1, x_2, ...
        window: Number of pairs in the cache.
        kernels: Thetas and half-lives.

    Returns:
        log p_cache(x_{t+1}), minus infinity for a token that is not in the cache; 0 for the first
        token, when there is no cache.

    Shape:
        hidden: (tokens, size); targets: (tokens,); result: (kernels, tokens), float64.
    """
    tokens = len(targets)
    result = torch.zeros(len(kernels), tokens, dtype=torch.float64, device=hidden.device)
    for start in range(0, tokens, _QUERIES_AT_ONCE):
        stop, first = min(start + _QUERIES_AT_ONCE, tokens), max(0, start - window)
        similarity = hidden[start:stop] @ hidden[first : stop - 1].t()  # (queries, pairs)
        age = torch.arange(start, stop).unsqueeze(-1) - torch.arange(first, stop - 1)
        age = age.to(hidden)
        outside = (age < 1) | (age > window)
        same = targets[first : stop - 1] == targets[start:stop, None]
        for row, (theta, half_life) in enumerate(kernels):
            decay = 0.0 if half_life is None else math.log(2) / half_life
            scores = torch.sub(theta * similarity, age, alpha=decay)  # (queries, pairs)
            scores.masked_fill_(outside, -torch.inf)
            weights = torch.softmax(scores, dim=-1)  # rows without a pair: NaN
            result[row, start:stop] = (weights * same).sum(-1).double().log()
    result[:, 0] = 0.0
    return result


def score_with_cache(stream: HiddenStream, settings: CacheSettings) -> tuple[Tensor, StreamTotals]:
    """Compute the loss of each token under the mixture of model and cache.

        p(w) = (1 - lambda) p_model(w) + lambda p_cache(w)

    The first token has no cache: its probability is that of the model.

    Args:
        stream: From `hidden_stream`.
        settings: Settings of the cache.

    Returns:
        The losses in nats, and their sum, with the hits of the model alone.

    Shape:
        losses: (tokens,), float64.

    Reference:
        Grave, Joulin and Usunier 2017, Improving Neural Language Models with a Continuous Cache;
        Clarkson and Robinson 1997, Language Model Adaptation Using Mixtures and an Exponentially
        Decaying Cache (the half-life).
    """
    kernel = (settings.theta, settings.half_life)
    (log_cache,) = cache_log_probabilities(stream.hidden, stream.targets, settings.window, [kernel])
    losses = -_mixture(stream.log_p, log_cache, settings.weight)
    return losses, StreamTotals(losses.sum().item(), int(stream.hits.sum()), len(losses))


def _mixture(log_p: Tensor, log_cache: Tensor, weight: float) -> Tensor:
    """Compute the log of the mixture; the first token has no cache."""
    shares = torch.tensor([1 - weight, weight], dtype=torch.float64, device=log_p.device).log()
    mixed = torch.logaddexp(shares[0] + log_p, shares[1] + log_cache)
    mixed[0] = log_p[0]
    return mixed


def tune_cache(stream: HiddenStream, grid: Grid = GRID) -> CacheSettings:
    """Search for the settings with the least loss on a validation text.

    Args:
        stream: From `hidden_stream`, of the validation text.
        grid: Windows, thetas, half-lives and weights; all combinations are tried.
    """
    windows, thetas, half_lives, weights = grid
    kernels = list(product(thetas, half_lives))
    found: list[tuple[float, CacheSettings]] = []
    for window in windows:
        rows = cache_log_probabilities(stream.hidden, stream.targets, window, kernels)
        for (row, (theta, half_life)), weight in product(zip(rows, kernels, strict=True), weights):
            loss = -_mixture(stream.log_p, row, weight).sum().item()
            found.append((loss, CacheSettings(window, theta, half_life, weight)))
    return min(found, key=lambda pair: pair[0])[1]
