"""Losses of each token of a text, batch by batch, for any causal language model."""

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import functional
from transformers import PreTrainedModel

from ..errors import LmcourseError
from ..kernels.logit_chunks import token_chunks
from ..kernels.scoring import right_tokens
from ..kernels.softmax_loss import IGNORED
from ..models.carried_states import evaluating, longest_context, state_argument

_PROBE = 6
"""Tokens of the text that `check_causal` runs a model on."""

_CHANGE = 1e-5
"""Largest relative change of a logit that counts as rounding."""


class TokenScorer(Protocol):
    """What can be scored: a language model of the package, or a `LogitScorer` of any other."""

    @property
    def carries_state(self) -> bool:
        """Whether its state is carried from batch to batch."""

    @property
    def config(self) -> Any:
        """Config of the model."""

    @property
    def device(self) -> torch.device:
        """Device of the weights."""

    def score_tokens(
        self,
        input_ids: Tensor,
        targets: Tensor,
        past_key_values: Any = None,
        temperature: float = 1.0,
    ) -> tuple[Tensor, Tensor, Any]:
        """Score as `LanguageModelForCausalLM.score_tokens`."""


def scorer_of(model: Any) -> TokenScorer:
    """What scores a causal language model: itself if it knows how, else its logits."""
    if hasattr(model, "score_tokens"):
        scorer: TokenScorer = model
        return scorer
    return LogitScorer(model)


@torch.no_grad()
def score_batches(
    model: TokenScorer, batches: Iterable[dict[str, Tensor]], temperature: float = 1.0
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Score batches of `scoring_data`, carrying the state from each to the next if there is one.

    Args:
        model: A model in evaluation mode.
        batches: `input_ids` and `shift_labels`, (rows, length) each.
        temperature: Of the softmax.

    Yields:
        The losses of a batch in nats, whether the most likely token was right, and the labels;
        labels of -100 are not scored.

    Shape:
        yielded: (rows, length) each.
    """
    state: Any = None
    for batch in batches:
        targets = batch["shift_labels"].to(model.device)
        losses, right, past = model.score_tokens(
            batch["input_ids"].to(model.device), targets, state, temperature
        )
        state = past if model.carries_state else None
        yield losses, right, targets


class LogitScorer:
    """Score any causal language model through its logits.

    Args:
        model: A causal language model in evaluation mode.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        self.model = model
        self._state = state_argument(model)

    @property
    def carries_state(self) -> bool:
        """Whether the model carries a state of constant size."""
        return self._state is not None

    @property
    def config(self) -> Any:
        """Config of the model."""
        return self.model.config

    @property
    def device(self) -> torch.device:
        """Device of the weights."""
        return self.model.device

    @torch.no_grad()
    def score_tokens(
        self,
        input_ids: Tensor,
        targets: Tensor,
        past_key_values: Any = None,
        temperature: float = 1.0,
    ) -> tuple[Tensor, Tensor, Any]:
        """Score as `LanguageModelForCausalLM.score_tokens`, from float64 log-probabilities.

        Shape:
            input_ids, targets, losses, hits: (batch, length).
        """
        state = {} if self._state is None else {self._state: past_key_values}
        outputs = self.model(input_ids=input_ids, use_cache=self.carries_state, **state)
        logits, labels = outputs.logits.flatten(0, 1), targets.flatten()
        losses = torch.zeros(len(labels), dtype=torch.float64, device=logits.device)
        hits = torch.zeros(len(labels), dtype=torch.bool, device=logits.device)
        for chunk in token_chunks(*logits.shape):
            scores = logits[chunk].double() / temperature
            losses[chunk] = functional.cross_entropy(
                scores, labels[chunk], ignore_index=IGNORED, reduction="none"
            )
            hits[chunk] = right_tokens(scores, labels[chunk])
        carried = None if self._state is None else outputs[self._state]
        return losses.view_as(targets), hits.view_as(targets), carried


@torch.no_grad()
def check_causal(model: PreTrainedModel, name: str) -> None:
    """Refuse a model whose predictions depend on later tokens.

    The last of six tokens is changed, or of as many as the model reads; no logit before it may
    change by more than rounding.

    Raises:
        LmcourseError: A logit changes.
    """
    length = max(2, min(_PROBE, longest_context(model.config) or _PROBE))
    ids = torch.arange(length, device=model.device).unsqueeze(0) % model.config.vocab_size
    other = ids.clone()
    other[0, -1] = (other[0, -1] + 1) % model.config.vocab_size
    with evaluating(model):
        first = model(input_ids=ids, use_cache=False).logits[:, :-1].float()
        second = model(input_ids=other, use_cache=False).logits[:, :-1].float()
    if ((first - second).abs() > _CHANGE * first.abs().amax()).any():
        raise LmcourseError(
            f"{name} ({model.config.model_type}) looks ahead: its predictions change with the "
            "tokens that come after them, so it has no perplexity"
        )
