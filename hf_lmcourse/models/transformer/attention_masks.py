"""Which positions each position of a Transformer may look at, and how that is computed."""

from collections.abc import Callable
from functools import partial
from typing import Any

from torch import Tensor
from transformers.cache_utils import Cache
from transformers.masking_utils import create_bidirectional_mask, create_causal_mask

from ...layers.sparse_attention import (
    Pattern,
    attend_at_distances,
    attend_in_strides,
    attend_locally,
    local_window,
    log_sparse,
    log_sparse_distances,
    strided,
)
from .configuration_transformer import TransformerConfig

SparseAttention = Callable[..., Tensor]
"""(Q, K, V, dropout=) -> what dense attention with the pattern's mask gives."""

_LOG_SPARSE_PAYS_FROM = 256
_STRIDED_PAYS_FROM = 512
_LOCAL_PAYS_FROM_WINDOWS = 4
"""Shorter sequences are faster with dense attention and a mask (measured on two CPU cores)."""


def pattern_of(config: TransformerConfig) -> Pattern | None:
    """The sparse pattern of a model; `None` if attention is full."""
    window = config.attention_window
    if config.attention_pattern == "local":
        return local_window(window or 1)
    if config.attention_pattern == "strided":
        return strided(window or 1)
    return log_sparse if config.attention_pattern == "log_sparse" else None


def attention_mask_for(
    config: TransformerConfig,
    inputs_embeds: Tensor,
    attention_mask: Tensor | None,
    past_key_values: Cache | None,
    position_ids: Tensor | None = None,
    **kwargs: Any,
) -> Tensor | None:
    """The host's causal mask, with padding and the sparse pattern in it.

    It is in the form that the chosen implementation of attention takes, and `None` if sdpa's own
    causality will do. Every pattern is about distances, so padding on the left does not move it.
    With `config.is_causal` false only the padding is in it.

    Args:
        config: Of the model.
        inputs_embeds: For batch size, length and precision.
        attention_mask: 0 at padding, over everything seen so far; a mask of four dimensions is
            returned as it is.
        past_key_values: The cache.
        position_ids: If given without a mask and a cache, a fall begins the next of several
            sequences packed into one row.
        **kwargs: What `generate` passes for other models.

    Shape:
        attention_mask: (batch, seen + length); result: (batch, 1, length, seen + length).
    """
    mask: Any
    if not config.is_causal:
        mask = create_bidirectional_mask(
            config, inputs_embeds, attention_mask, past_key_values=past_key_values
        )
        return mask
    pattern = pattern_of(config)

    def allowed(batch: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        assert pattern is not None
        return pattern(query, key)

    mask = create_causal_mask(
        config=config,
        inputs_embeds=inputs_embeds,
        attention_mask=attention_mask,
        past_key_values=past_key_values,
        position_ids=position_ids,
        and_mask_function=None if pattern is None else allowed,
    )
    return mask


def sparse_attention_for(config: TransformerConfig, length: int) -> SparseAttention | None:
    """The computation of a pattern for whole sequences of one length, if it is faster.

    Args:
        config: Of the model.
        length: Tokens of each sequence, none of them padding.

    Returns:
        A function of Q, K, V; `None` if dense attention is faster or the only one.
    """
    if config._attn_implementation != "sdpa":
        return None  # another implementation was asked for by name
    window = config.attention_window or 1
    if config.attention_pattern == "local" and length >= _LOCAL_PAYS_FROM_WINDOWS * window:
        return partial(attend_locally, window=window)
    if config.attention_pattern == "strided" and length >= _STRIDED_PAYS_FROM:
        return partial(attend_in_strides, stride=window)
    if config.attention_pattern == "log_sparse" and length >= _LOG_SPARSE_PAYS_FROM:
        return partial(attend_at_distances, distances=log_sparse_distances(length))
    return None
