"""Several ways to compute the loss of an output layer, for small and large vocabularies."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, linear

from hf_lmcourse.kernels.softmax_loss import linear_cross_entropy
from hf_lmcourse.layers.adaptive_softmax import AdaptiveOutput
from hf_lmcourse.layers.sampled_softmax import sample_vocabulary

from .memory import Way, compare_ways
from .timing import Comparison
from .tokens import zipf_tokens

__all__ = ["LOSSES", "SoftmaxSetting", "softmax", "softmax_step"]

Loss = Callable[[Tensor, Tensor], Tensor]
"""(hidden vectors, targets) -> summed loss. Shape: (tokens, width), (tokens,), ()."""
Kind = Literal["full, chunked", "full, all logits", "adaptive", "sampled"]


@dataclass(frozen=True)
class SoftmaxSetting:
    """The hidden vectors of a WikiText-2 step, and the vocabularies.

    Attributes:
        tokens: Number of hidden vectors per step.
        width: Size of a hidden vector.
        vocabularies: Sizes of the vocabulary.
        sampled: Vocabulary size divided by the sample size of sampled softmax.
        cutoffs: Vocabulary size divided by each cutoff of adaptive softmax.
    """

    tokens: int = 700
    width: int = 200
    vocabularies: tuple[int, ...] = (1_000, 3_000, 10_000, 30_000, 100_000)
    sampled: int = 8
    cutoffs: tuple[int, int] = (20, 5)


def _full(setting: SoftmaxSetting, vocabulary: int) -> tuple[nn.Module, Loss]:
    """Our full softmax, which computes the logits of a chunk of tokens at a time."""
    head = nn.Linear(setting.width, vocabulary)
    return head, lambda hidden, y: linear_cross_entropy(hidden, head.weight, head.bias, y)


def _all_logits(setting: SoftmaxSetting, vocabulary: int) -> tuple[nn.Module, Loss]:
    """The usual way: all logits, then `cross_entropy`."""
    head = nn.Linear(setting.width, vocabulary)
    return head, lambda hidden, y: cross_entropy(
        linear(hidden, head.weight, head.bias), y, reduction="sum"
    )


def _adaptive(setting: SoftmaxSetting, vocabulary: int) -> tuple[nn.Module, Loss]:
    """Our adaptive softmax."""
    cutoffs = [max(1 + i, vocabulary // share) for i, share in enumerate(setting.cutoffs)]
    head = AdaptiveOutput(setting.width, vocabulary, cutoffs)
    return head, head.loss


def _sampled(setting: SoftmaxSetting, vocabulary: int) -> tuple[nn.Module, Loss]:
    """Our sampled softmax, with a new sample at each step."""
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
"""(setting, vocabulary) -> output layer and its loss; the first is ours."""


def softmax_step(
    setting: SoftmaxSetting, kind: Kind, vocabulary: int, training: bool
) -> Callable[[], Tensor]:
    """Return a function that computes the loss, and in training also all gradients.

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
    repeats: int = 9, setting: SoftmaxSetting | None = None, memory: bool = True
) -> Iterator[Comparison]:
    """Measure forward and training time and peak memory of each loss, for each vocabulary."""
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
