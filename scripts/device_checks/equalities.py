"""Every family computes on a device what it computes on the processor."""

import copy
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

import hf_lmcourse as h

__all__ = ["MODELS", "equalities"]

_VOCABULARY, _ROWS, _LENGTH, _SEED = 50, 4, 24, 0
_SMALL: dict[str, Any] = {"vocab_size": _VOCABULARY, "embedding_size": 24, "hidden_size": 32}
MODELS: dict[str, tuple[Any, Any]] = {
    "char_rnn": (h.CharRNNForCausalLM, h.CharRNNConfig(**_SMALL)),
    "lstm": (h.LSTMForCausalLM, h.LSTMConfig(**_SMALL, num_hidden_layers=2)),
    "lstm_adaptive": (
        h.LSTMForCausalLM,
        h.LSTMConfig(**_SMALL, output_layer="adaptive", adaptive_cutoffs=[10, 30]),
    ),
    "gru": (h.GRUForCausalLM, h.GRUConfig(**_SMALL)),
    "gru_mixture": (h.GRUForCausalLM, h.GRUConfig(**_SMALL, num_softmaxes=3)),
    "ngram_fnn": (h.NGramFNNForCausalLM, h.NGramFNNConfig(**_SMALL, context_size=4)),
    "bigram_mlp": (h.BigramMLPForCausalLM, h.BigramMLPConfig(**_SMALL)),
    "transformer": (
        h.TransformerForCausalLM,
        h.TransformerConfig(
            vocab_size=_VOCABULARY, hidden_size=32, num_attention_heads=4, num_hidden_layers=2,
            max_position_embeddings=2 * _LENGTH,
        ),
    ),
    "dan": (h.DANForSequenceClassification, h.DANConfig(**_SMALL)),
}  # fmt: skip
"""A small model of every family, and of output layers with losses of their own."""

_EXACT, _BF16 = 1e-4, 3e-2
"""Differences that are allowed, relative to the largest entry: float32 adds up in another order,
and bfloat16 rounds to 8 bits."""


def equalities(device: torch.device, quick: bool = False) -> Iterator[dict[str, Any]]:
    """Compare values, gradients, bfloat16, padding and generation of each model.

    Args:
        device: What is compared with the processor.
        quick: Takes no less time here, where nothing takes long.

    Yields:
        A row for each comparison: `name`, `checked`, `difference`, `allowed` and `ok`.
    """
    for name, (make, config) in MODELS.items():
        torch.manual_seed(_SEED)
        here: Any = make(config).eval()
        there: Any = copy.deepcopy(here).to(device)
        for checked, difference, allowed in _comparisons(name, here, there, device):
            yield {
                "name": name,
                "checked": checked,
                "difference": difference,
                "allowed": allowed,
                "ok": difference <= allowed,
            }


def _comparisons(
    name: str, here: Any, there: Any, device: torch.device
) -> Iterator[tuple[str, float, float]]:
    rng = torch.Generator().manual_seed(_SEED)
    ids = torch.randint(2, _VOCABULARY, (_ROWS, _LENGTH), generator=rng)
    labels = ids[:, 0] % 2 if name == "dan" else ids
    losses = []
    for model, where in ((here, torch.device("cpu")), (there, device)):
        model.zero_grad()
        outputs = model(ids.to(where), labels=labels.to(where))
        outputs.loss.backward()
        losses.append(outputs)
    yield "logits", _difference(*(outputs.logits for outputs in losses)), _EXACT
    yield "loss", _difference(*(outputs.loss for outputs in losses)), _EXACT
    yield "gradients", _largest_gradient_difference(here, there), _EXACT
    with torch.no_grad(), torch.autocast(device.type, torch.bfloat16):
        rounded = there(ids.to(device), labels=labels.to(device)).loss
    yield "loss in bfloat16", _difference(losses[0].loss, rounded), _BF16
    yield "padding", _padding(there, ids.to(device)), _EXACT
    if name != "dan":
        options = {"max_new_tokens": _LENGTH, "do_sample": False, "pad_token_id": 0}
        written = [
            model.generate(ids[:, :8].to(model.device), **options).cpu() for model in (here, there)
        ]
        yield "generated tokens", float((written[0] != written[1]).sum()), 0.0


def _padding(model: Any, ids: Tensor) -> float:
    """The last logits of a text with padding on its left, compared with the text alone."""
    mask = torch.ones_like(ids)
    mask[:, :5] = 0
    with torch.no_grad():
        padded = model(ids * mask, attention_mask=mask).logits
        alone = model(ids[:, 5:]).logits
    return _difference(*(x if x.dim() == 2 else x[:, -1] for x in (alone, padded)))


def _largest_gradient_difference(here: nn.Module, there: nn.Module) -> float:
    pairs = zip(here.parameters(), there.parameters(), strict=True)
    return max(
        _difference(a.grad, b.grad) for a, b in pairs if a.grad is not None and b.grad is not None
    )


def _difference(expected: Tensor, actual: Tensor) -> float:
    """The largest difference of an entry, relative to the largest entry."""
    expected, actual = expected.detach().double().cpu(), actual.detach().double().cpu()
    scale = expected.abs().max().clamp(min=1e-12)
    return float((expected - actual).abs().max() / scale)
