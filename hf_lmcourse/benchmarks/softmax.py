"""Ways to compute the loss of an output layer, for small and large vocabularies."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, linear

from ..layers.output import AdaptiveOutput, linear_cross_entropy
from ..layers.sampled_softmax import sample_vocabulary
from .memory import Way, compare_ways
from .timing import Comparison
from .zipf import zipf_tokens

__all__ = ["LOSSES", "SoftmaxSetting", "softmax", "softmax_step"]

Loss = Callable[[Tensor, Tensor], Tensor]
"""(hidden vectors, targets) -> summed loss. Shape: (tokens, width), (tokens,), ()."""
Kind = Literal["full, chunked", "full, all logits", "adaptive", "sampled"]


@dataclass(frozen=True)
class SoftmaxSetting:
    """The hidden vectors of a WikiText-2 step, and the vocabularies.

    Attributes:
        tokens: hidden vectors of a step.
        width: of a hidden vector.
        vocabularies: numbers of words.
        sampled: one of so many words is scored by sampled softmax.
        cutoffs: one of so many words stands before the first and the second cluster of adaptive
            softmax.
    """

    tokens: int = 700
    width: int = 200
    vocabularies: tuple[int, ...] = (1_000, 3_000, 10_000, 30_000, 100_000)
    sampled: int = 8
    cutoffs: tuple[int, int] = (20, 5)


def _full(setting: SoftmaxSetting, vocabulary: int) -> tuple[nn.Module, Loss]:
    """Ours: a chunk of tokens at a time."""
    head = nn.Linear(setting.width, vocabulary)
    return head, lambda hidden, y: linear_cross_entropy(hidden, head.weight, head.bias, y)


def _all_logits(setting: SoftmaxSetting, vocabulary: int) -> tuple[nn.Module, Loss]:
    """What one writes first."""
    head = nn.Linear(setting.width, vocabulary)
    return head, lambda hidden, y: cross_entropy(
        linear(hidden, head.weight, head.bias), y, reduction="sum"
    )


def _adaptive(setting: SoftmaxSetting, vocabulary: int) -> tuple[nn.Module, Loss]:
    """That of our output layer."""
    cutoffs = [max(1 + i, vocabulary // share) for i, share in enumerate(setting.cutoffs)]
    head = AdaptiveOutput(setting.width, vocabulary, cutoffs)
    return head, head.loss


def _sampled(setting: SoftmaxSetting, vocabulary: int) -> tuple[nn.Module, Loss]:
    """Ours, with another sample at each step."""
    head = nn.Linear(setting.width, vocabulary)
    words = max(1, vocabulary // setting.sampled)

    def loss(hidden: Tensor, y: Tensor) -> Tensor:
        return linear_cross_entropy(hidden, *sample_vocabulary(head.weight, head.bias, y, words))

    return head, loss


LOSSES: dict[Kind, Callable[[SoftmaxSetting, int], tuple[nn.Module, Loss]]] = {
    "full, chunked": _full,
    "full, all logits": _all_logits,
    "adaptive": _adaptive,
    "sampled": _sampled,
}
"""From a setting and a vocabulary to an output layer and its loss; the first is ours."""


def softmax_step(
    setting: SoftmaxSetting, kind: Kind, vocabulary: int, training: bool
) -> Callable[[], Tensor]:
    """What computes the loss of a step; in training also the gradients of all it depends on.

    The targets follow Zipf's law.
    """
    torch.manual_seed(0)
    head, loss = LOSSES[kind](setting, vocabulary)
    hidden = torch.randn(setting.tokens, setting.width, requires_grad=training)
    targets = torch.from_numpy(zipf_tokens(setting.tokens, vocabulary)).long()

    def step() -> Tensor:
        if not training:
            with torch.no_grad():
                return loss(hidden, targets)
        head.zero_grad()
        hidden.grad = None
        total = loss(hidden, targets)
        total.backward()
        return total.detach()

    return step


def softmax(
    repeats: int = 7, setting: SoftmaxSetting | None = None, memory: bool = True
) -> Iterator[Comparison]:
    """Forward and training time and peak memory of each way, for each vocabulary."""
    setting = setting or SoftmaxSetting()
    for name, training in (("softmax, forward", False), ("softmax, training", True)):
        for vocabulary in setting.vocabularies:
            ways: dict[str, Way] = {
                kind: partial(softmax_step, setting, kind, vocabulary, training) for kind in LOSSES
            }
            yield compare_ways(
                name,
                f"{setting.tokens} x {setting.width}, {vocabulary:,} words",
                ways,
                repeats,
                memory,
                amount=setting.tokens,
                unit="tokens",
                variable="vocabulary",
                size=vocabulary,
            )
