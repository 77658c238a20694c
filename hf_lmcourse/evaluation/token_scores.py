"""The cost of each token of a text, batch by batch, for whatever adds them up or draws them."""

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import torch
from torch import Tensor

__all__ = ["TokenScorer", "score_batches"]


class TokenScorer(Protocol):
    """What can be scored: a language model of the package, or what makes another one look so."""

    @property
    def carries_state(self) -> bool:
        """Whether what it knows of the text before goes from batch to batch."""

    @property
    def device(self) -> torch.device:
        """Where its weights are."""

    def score_tokens(
        self, input_ids: Tensor, targets: Tensor, past_key_values: Any = None
    ) -> tuple[Tensor, Tensor, Any]:
        """As `LanguageModelForCausalLM.score_tokens`."""


@torch.no_grad()
def score_batches(
    model: TokenScorer, batches: Iterable[dict[str, Tensor]]
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Score batches of `scoring_data`, carrying the state of a model that has one to the next.

    Args:
        model: a model in evaluation mode.
        batches: `input_ids` and `shift_labels`, (rows, length) each.

    Yields:
        Of each batch the losses in nats, whether the likeliest token was right, and the labels;
        those of -100 are not scored.

    Shape:
        yielded: (rows, length) each.
    """
    state: Any = None
    for batch in batches:
        targets = batch["shift_labels"].to(model.device)
        losses, right, past = model.score_tokens(
            batch["input_ids"].to(model.device), targets, state
        )
        state = past if model.carries_state else None
        yield losses, right, targets
