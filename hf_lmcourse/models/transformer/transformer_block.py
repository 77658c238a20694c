"""One block of the Transformer: attention in the host's terms, and the residual stream."""

from typing import Any

import torch
from torch import Tensor, nn
from transformers.cache_utils import Cache
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from ...layers.attention import MultiHeadAttention, attend
from ...layers.dropout import Dropout
from ...layers.feed_forward import FeedForward
from ...layers.positions import rotate
from ...layers.sparse_attention import causal
from .attention_masks import SparseAttention
from .configuration_transformer import TransformerConfig


def explicit_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float,
    dropout: float = 0.0,
    **kwargs: Any,
) -> tuple[Tensor, Tensor]:
    """`attend` in the form that transformers calls attention in: `attn_implementation="eager"`.

    Shape:
        query, key, value: (batch, heads, length, head_size);
        results: (batch, length, heads, head_size) and (batch, heads, queries, keys).
    """
    queries, keys = (torch.arange(x.shape[2], device=x.device) for x in (query, key))
    left_to_sdpa = attention_mask is None and len(queries) > 1
    if left_to_sdpa and getattr(module, "is_causal", True):
        attention_mask = causal(queries[:, None], keys)
    heads, weights = attend(query, key, value, attention_mask, scale=scaling, dropout=dropout)
    return heads.transpose(1, 2), weights


class CausalSelfAttention(MultiHeadAttention):
    """`MultiHeadAttention` with a cache, rotary positions and the host's choice of computation."""

    num_key_value_groups = 1

    def __init__(self, config: TransformerConfig, layer_idx: int) -> None:
        super().__init__(
            config.hidden_size,
            config.num_attention_heads,
            dropout=float(config.attention_dropout),
            causal=config.is_causal,
        )
        self.config = config
        self.layer_idx = layer_idx

    def forward(  # type: ignore[override]  # the arguments that transformers' models pass
        self,
        hidden: Tensor,
        attention_mask: Tensor | None = None,
        rotation: tuple[Tensor, Tensor] | None = None,
        past_key_values: Cache | None = None,
        sparse: SparseAttention | None = None,
        output_attentions: bool = False,
        **kwargs: Any,
    ) -> tuple[Tensor, Tensor | None]:
        """Attend to the sequence and to the cache.

        Args:
            hidden: The input vectors.
            attention_mask: From `attention_mask_for`.
            rotation: Cosines and sines of rotary positions.
            past_key_values: Keys and values of the tokens before; the new ones are added.
            sparse: Computes a sparse pattern, in place of a mask.
            output_attentions: Return the weights, by the explicit path.
            **kwargs: For the host's attention functions.

        Shape:
            hidden, result: (batch, length, hidden_size); weights: (batch, heads, length, keys).
        """
        Q, K, V = self.project(hidden)  # (batch, heads, length, head_size) each
        if rotation is not None:
            Q, K = rotate(Q, *rotation), rotate(K, *rotation)
        new = Q, K, V
        if past_key_values is not None:
            K, V = past_key_values.update(K, V, self.layer_idx)  # of all tokens seen
        dropout = self.dropout if self.training else 0.0
        if sparse is not None:
            return self.combine(sparse(*new, dropout=dropout).transpose(1, 2)), None
        function: Any = explicit_attention
        if not output_attentions:
            function = ALL_ATTENTION_FUNCTIONS.get_interface(
                self.config._attn_implementation, explicit_attention
            )
        heads, weights = function(
            self, Q, K, V, attention_mask, dropout=dropout, scaling=self.scaling, **kwargs
        )  # (batch, length, heads, head_size), (batch, heads, length, keys)
        return self.combine(heads), weights


class TransformerBlock(GradientCheckpointingLayer):
    """Attention, then a feed-forward network, each reading a normalised residual stream.

        x = x + dropout(Attention(LayerNorm(x)))
        x = x + dropout(FeedForward(LayerNorm(x)))

    Shape:
        (batch, length, hidden_size) in and out.

    Reference:
        Radford et al. 2019 (GPT-2); Xiong et al. 2020, On Layer Normalization in the Transformer
        Architecture (why the normalisation is before the branch).
    """

    def __init__(self, config: TransformerConfig, layer_idx: int) -> None:
        super().__init__()
        assert config.intermediate_size is not None
        self.attention_norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.attention = CausalSelfAttention(config, layer_idx)
        self.feed_forward_norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.feed_forward = FeedForward(
            config.hidden_size, config.intermediate_size, config.hidden_act
        )
        self.dropout = Dropout(config.hidden_dropout)

    def forward(self, hidden: Tensor, **kwargs: Any) -> Tensor:
        """The equations above; keyword arguments are those of the attention."""
        attended, _ = self.attention(self.attention_norm(hidden), **kwargs)
        hidden = hidden + self.dropout(attended)
        return hidden + self.dropout(self.feed_forward(self.feed_forward_norm(hidden)))
