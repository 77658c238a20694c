"""Attention weights on one text, and statistics of every head over many."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader
from transformers import PreTrainedTokenizerBase

from ..data.streams import line_end_token_id
from ..data.windows import TokenWindows
from ..errors import LmcourseError
from ..models.causal_lm import LanguageModelForCausalLM

SHARES = ("itself", "previous", "same_token", "sentence_start", "delimiter")
"""What a head attends to; the shares overlap, so their sum may exceed one."""

_MEASURES = (*SHARES, "entropy", "distance")
_ROLE_SHARE, _ROLE_LIFT = 0.25, 2.0
_WINDOWS_AT_ONCE = 8
_SIGNS = {"\n": "\u21b5", " ": "\u2423", "\t": "\u21e5"}


@dataclass(frozen=True)
class AttentionMaps:
    """Attention weights of every head on one text.

    Attributes:
        tokens: The tokens of the text, with visible signs for whitespace.
        weights: Row t of a head is its distribution over the keys at query t.

    Shape:
        weights: (layers, heads, tokens, tokens).
    """

    tokens: list[str]
    weights: NDArray[np.float64]

    def as_dict(self, digits: int = 5) -> dict[str, Any]:
        """Convert to tokens, and weights as lists by layer, head, query and key, for JSON."""
        return {"tokens": self.tokens, "weights": np.round(self.weights, digits).tolist()}


@dataclass(frozen=True)
class HeadStatistics:
    """Statistics of one head, averaged over the positions of a corpus.

    Attributes:
        head: "layer.head", both from 0, or "uniform" for uniform attention.
        itself: Weight on the position itself.
        previous: Weight on the previous position.
        same_token: Weight on earlier occurrences of the token.
        sentence_start: Weight on the first token after the last line end, or of the window.
        delimiter: Weight on tokens without a letter or a digit.
        entropy: Entropy of the weights, in bits.
        distance: Mean distance in tokens.
        role: The largest share, if it is at least a quarter and twice that of the uniform head.
    """

    head: str
    itself: float
    previous: float
    same_token: float
    sentence_start: float
    delimiter: float
    entropy: float
    distance: float
    role: str = ""


def attention_maps(
    model: LanguageModelForCausalLM, tokenizer: PreTrainedTokenizerBase, text: str
) -> AttentionMaps:
    """Compute the weights of every head on one text.

    Args:
        model: A model with attention, in evaluation mode.
        tokenizer: Its tokenizer.
        text: A text that is at most as long as the model's context.

    Raises:
        LmcourseError: A model without attention, or a text that is empty or too long.
    """
    longest = _longest_context(model)
    ids = tokenizer(text, return_tensors="pt")["input_ids"]
    if not 1 <= ids.shape[1] <= longest:
        raise LmcourseError(
            f"the text has {ids.shape[1]:,} tokens: give 1 to {longest:,}, the model's context"
        )
    weights = torch.stack(_weights(model, ids.to(model.device)), dim=1)[0]
    tokens = [_signs(str(tokenizer.decode([token]))) for token in ids[0].tolist()]
    return AttentionMaps(tokens, weights.double().cpu().numpy())


def head_statistics(
    model: LanguageModelForCausalLM,
    tokenizer: PreTrainedTokenizerBase,
    tokens: NDArray[np.integer],
) -> list[HeadStatistics]:
    """Compute the statistics of uniform attention and of every head on a text.

    The first position of each window can only attend to itself and is not counted.

    Args:
        model: A model with attention, in evaluation mode.
        tokenizer: Its tokenizer.
        tokens: Token ids of the text, cut into windows of the model's context; an incomplete last
            window is dropped.

    Raises:
        LmcourseError: A model without attention, or a text shorter than one window.

    Reference:
        Clark et al. 2019, What Does BERT Look At?; Voita et al. 2019, Analyzing Multi-Head
        Self-Attention.
    """
    window = _longest_context(model)
    usable = len(tokens) - len(tokens) % window
    if usable == 0 or window < 2:
        raise LmcourseError(
            f"the text has {len(tokens):,} tokens, fewer than one window of {window:,}"
        )
    data = TokenWindows(tokens[:usable], window, first_context=int(tokens[0]))
    delimiters = torch.tensor(
        [not any(c.isalnum() for c in tokenizer.decode([i])) for i in range(len(tokenizer))]
    )
    sums: Tensor | None = None
    loader: DataLoader = DataLoader(data, batch_size=_WINDOWS_AT_ONCE)
    for batch in loader:
        ids = batch["input_ids"]
        uniform = torch.ones(window, window).tril().expand(len(ids), 1, window, window)
        uniform = uniform / uniform.sum(-1, keepdim=True)
        heads = [w.cpu() for w in _weights(model, ids.to(model.device))]
        masks = _masks(ids, delimiters, line_end_token_id(tokenizer))
        measured = _measure(torch.cat([uniform, *heads], dim=1).double(), masks)
        sums = measured if sums is None else sums + measured
    assert sums is not None
    rows = (sums / usable * window / (window - 1)).tolist()
    names = [
        f"{layer}.{head}"
        for layer in range(model.config.num_hidden_layers)
        for head in range(model.config.num_attention_heads)
    ]
    return [
        HeadStatistics(name, role=_role(row, rows[0]), **dict(zip(_MEASURES, row, strict=True)))
        for name, row in zip(["uniform", *names], rows, strict=True)
    ]


def _longest_context(model: LanguageModelForCausalLM) -> int:
    if not hasattr(model.config, "num_attention_heads"):
        raise LmcourseError(f"a model of {model.config.model_type} has no attention")
    return int(model.config.max_position_embeddings)


@torch.no_grad()
def _weights(model: LanguageModelForCausalLM, ids: Tensor) -> tuple[Tensor, ...]:
    """Return one tensor per layer. Shape: (batch, heads, length, length) each."""
    return model.model(input_ids=ids, output_attentions=True, use_cache=False).attentions


def _masks(ids: Tensor, delimiters: Tensor, line_end: int | None) -> Tensor:
    """Mask the keys of each share of `SHARES`. Shape: (shares, batch, 1, length, length)."""
    batch, length = ids.shape
    position = torch.arange(length)
    begins = torch.zeros_like(ids, dtype=torch.bool)
    begins[:, 1:] = ids[:, :-1] == (-1 if line_end is None else line_end)
    start = torch.where(begins, position, 0).cummax(dim=1).values
    distance = (position[:, None] - position).expand(batch, -1, -1)
    same = (ids[:, :, None] == ids[:, None, :]) & (distance > 0)
    masks = [
        distance == 0,
        distance == 1,
        same,
        start[:, :, None] == position,
        delimiters[ids][:, None, :].expand(batch, length, length),
    ]
    return torch.stack(masks).unsqueeze(2)


def _measure(weights: Tensor, masks: Tensor) -> Tensor:
    """Sum the shares, the entropy and the distance over positions, by head.

    Shape:
        weights: (batch, heads, length, length); result: (heads, shares + 2).
    """
    position = torch.arange(weights.shape[-1])
    shares = [(weights * mask).sum(-1) for mask in masks]
    entropy = -torch.special.xlogy(weights, weights).sum(-1) / np.log(2)
    distance = (weights * (position[:, None] - position)).sum(-1)
    return torch.stack([*shares, entropy, distance], dim=-1)[:, :, 1:].sum(dim=(0, 2))


def _role(row: list[float], uniform: list[float]) -> str:
    shares = dict(zip(SHARES, row, strict=False))
    clear = {
        name: share
        for (name, share), base in zip(shares.items(), uniform, strict=False)
        if share >= max(_ROLE_SHARE, _ROLE_LIFT * base)
    }
    return max(clear, key=clear.__getitem__) if clear else ""


def _signs(token: str) -> str:
    return "".join(_SIGNS.get(character, character) for character in token)
