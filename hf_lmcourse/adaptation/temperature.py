"""The temperature of the softmax that suits a validation text best."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers.cache_utils import Cache

from ..kernels.softmax_loss import IGNORED
from ..models.causal_lm import LanguageModelForCausalLM

_STEPS = 12
_LAST_CHANGE = 0.02
"""Of the search: how many passes over the text at most, and the relative change that ends it.

After a step of Newton's method the error is about the square of the change: here some 0.0004.
"""

_LOGITS_AT_ONCE = 1 << 20
"""4 MB in float32: what is computed of them stays in a cache."""


@dataclass(frozen=True)
class TemperatureSettings:
    """The setting of a softmax with a temperature.

    Attributes:
        temperature: T in softmax(z / T), above 0.
    """

    temperature: float


def tune_temperature(
    model: LanguageModelForCausalLM, batches: Callable[[], Iterable[dict[str, Tensor]]]
) -> TemperatureSettings:
    """Search for the temperature with the least loss on a validation text.

    With logits z and b = 1 / T the loss of a token y is convex in b:

        L(b) = log sum over j of exp(b z_j) - b z_y,      p = softmax(b z)
        L'(b) = sum over j of p_j z_j - z_y               L''(b) = variance of z under p

    so Newton's method, b - L' / L'', finds the least sum of them. A step changes b by a factor of
    two at most. The logits of an adaptive output layer and of a mixture of softmaxes are their
    log-probabilities.

    Args:
        model: The model, in evaluation mode.
        batches: Makes the batches of `scoring_data`, of a single stream or of windows; it is called
            once for every step.

    Reference:
        Guo et al. 2017, On Calibration of Modern Neural Networks, 4.2 (temperature scaling).
    """
    inverse = 1.0
    for _ in range(_STEPS):
        slope, curvature = _derivatives(model, batches(), inverse)
        step = slope / curvature if curvature > 0 else 0.0
        change = min(max(-step, -inverse / 2), inverse)
        inverse += change
        if abs(change) <= _LAST_CHANGE * inverse:
            break
    return TemperatureSettings(1 / inverse)


@torch.no_grad()
def _derivatives(
    model: LanguageModelForCausalLM, batches: Iterable[dict[str, Tensor]], inverse: float
) -> tuple[float, float]:
    """The first and second derivative of the summed loss by 1 / T."""
    state: Cache | None = None
    sums = torch.zeros(2, dtype=torch.float64, device=model.device)
    for batch in batches:
        outputs = model(
            input_ids=batch["input_ids"].to(model.device), past_key_values=state, use_cache=True
        )
        state = outputs.past_key_values if model.carries_state else None
        targets = batch["shift_labels"].to(model.device)
        kept = targets != IGNORED
        logits, labels = outputs.logits[kept], targets[kept]  # (tokens, vocab_size), (tokens,)
        dtype = torch.promote_types(logits.dtype, torch.float32)
        rows = max(1, _LOGITS_AT_ONCE // logits.shape[-1])
        for z, y in zip(logits.split(rows), labels.split(rows), strict=True):
            sums += _sums(z.to(dtype), y.unsqueeze(-1), inverse)
    slope, curvature = sums.tolist()
    return slope, curvature


def _sums(z: Tensor, y: Tensor, inverse: float) -> Tensor:
    """L' and L'' summed over tokens.

    Shape:
        z: (tokens, vocab_size); y: (tokens, 1); result: (2,).
    """
    p = torch.softmax(z * inverse, dim=-1)
    mean = (p * z).sum(-1, keepdim=True)
    slope = (mean - z.gather(-1, y)).sum(dtype=torch.float64)
    variance = p.mul_((z - mean).square_()).sum(dtype=torch.float64)
    return torch.stack([slope, variance])
