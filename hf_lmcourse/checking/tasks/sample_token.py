"""Sampling of the next token with temperature and top-k."""

import random
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from ..task import Function, Sizes, Task, change_arguments, draw_normal, naive_softmax

_ARGUMENTS = ("logits", "u", "temperature", "top_k")


def _drawn(p: Tensor, u: Tensor) -> Tensor:
    """Return the first token whose cumulative probability exceeds u."""
    below = (p.cumsum(-1) <= u.unsqueeze(-1)).sum(-1)
    return below.clamp(max=p.shape[-1] - 1)


def _reference(logits: Tensor, u: Tensor, temperature: float, top_k: int) -> tuple[Tensor, Tensor]:
    # slow to import
    from transformers.generation.logits_process import TemperatureLogitsWarper, TopKLogitsWarper

    none = torch.empty(0)
    warmed = TemperatureLogitsWarper(temperature)(none, logits)
    kept = TopKLogitsWarper(top_k)(none, warmed)
    p = torch.softmax(kept, -1)
    return p, _drawn(p, u)


def _largest(values: Tensor, k: int) -> Tensor:
    """Return where the k largest values are."""
    return values >= values.topk(min(k, values.shape[-1])).values[..., -1:]


def _altered(
    *,
    warmed: Callable[[Tensor, float], Tensor] = lambda logits, temperature: logits / temperature,
    kept: Callable[[Tensor, int], Tensor] = _largest,
    dropped: float = -torch.inf,
    softmax: Callable[[Tensor], Tensor] = lambda logits: torch.softmax(logits, -1),
    renormalised: bool = True,
    chosen: Callable[[Tensor, Tensor], Tensor] = _drawn,
) -> Function:
    """Return the sampling with one part replaced; with none replaced it is the reference."""

    def sample(logits: Tensor, u: Tensor, temperature: float, top_k: int) -> tuple[Tensor, Tensor]:
        scores = warmed(logits, temperature)
        keep = kept(scores, top_k)
        p = softmax(scores.masked_fill(~keep, dropped)) if renormalised else softmax(scores) * keep
        return p, chosen(p, u)

    return sample


_with = partial(change_arguments, _reference, _ARGUMENTS)

_VARIANTS: dict[str, Function] = {
    "the logits are multiplied by the temperature, not divided": _with(
        temperature=lambda temperature: 1 / temperature
    ),
    "the temperature is ignored": _with(temperature=lambda temperature: 1.0),
    "the temperature divides the probabilities, not the logits": _altered(
        warmed=lambda logits, temperature: torch.softmax(logits, -1) / temperature
    ),
    "top_k is ignored": _altered(kept=lambda scores, k: torch.ones_like(scores, dtype=torch.bool)),
    "the k least likely tokens are kept, not the k most likely": _altered(
        kept=lambda scores, k: _largest(-scores, k)
    ),
    "one token too many is kept": _altered(kept=lambda scores, k: _largest(scores, k + 1)),
    "the probabilities of the k tokens are not divided by their sum": _altered(renormalised=False),
    "the other logits are set to zero, not to minus infinity": _altered(dropped=0.0),
    "the most likely token is returned: u is not used": _altered(chosen=lambda p, u: p.argmax(-1)),
    "the tokens are passed through from the last to the first": _altered(
        chosen=lambda p, u: p.shape[-1] - 1 - _drawn(p.flip(-1), u)
    ),
    "the token before the right one is returned": _altered(
        chosen=lambda p, u: (_drawn(p, u) - 1).clamp(min=0)
    ),
    "the exponentials overflow: subtract the largest logit first": _altered(softmax=naive_softmax),
}


def _sizes(rng: random.Random) -> Sizes:
    words = rng.randint(4, 8)
    return {
        "rows": rng.randint(3, 6),
        "words": words,
        "temperature": rng.choice([0.5, 0.8, 1.5]),
        "top_k": rng.randint(2, words - 1),
    }


def _draw(sizes: Sizes, generator: torch.Generator) -> dict[str, Tensor]:
    drawn = draw_normal(generator, logits=(sizes["rows"], sizes["words"]))
    drawn["logits"] += sizes.get("all_logits_near", 0)
    return drawn | {"u": torch.rand(sizes["rows"], generator=generator, dtype=torch.float64)}


SAMPLE_TOKEN = Task(
    name="sample_token",
    arguments=_ARGUMENTS,
    outputs=("p", "token"),
    reference=_reference,
    draw=_draw,
    sizes=_sizes,
    special=(
        {"rows": 6, "words": 6, "temperature": 0.8, "top_k": 3},
        {"rows": 3, "words": 5, "temperature": 1.5, "top_k": 4},
        {"rows": 4, "words": 5, "temperature": 0.5, "top_k": 3, "all_logits_near": 1000},
    ),
    variants=_VARIANTS,
    differentiable=False,
)
"""The sampling of `generate` in transformers, with the random number given."""
