"""Multi-head self-attention with heads of size d/h each.

With X the sequence of input vectors, and for head i

    Q, K, V = X Q_i, X K_i, X V_i             queries, keys, values
    A = softmax(Q K^T / sqrt(d/h))            row t: how much query t looks at each key
    Y_i = dropout(A) V                        one average of the values per position
    Y = [Y_1; ...; Y_h] O                     the output projection

In causal attention the softmax of position t runs over positions 1 .. t only. A product of d/h
independent components of variance one has variance d/h, and the softmax of large numbers is nearly
one-hot with hardly a gradient: hence the scale.

Reference:
    Vaswani et al. 2017, Attention Is All You Need, section 3.2.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from .dropout import drop


def attend(
    Q: Tensor,
    K: Tensor,
    V: Tensor,
    mask: Tensor | None = None,
    *,
    scale: float | None = None,
    dropout: float = 0.0,
) -> tuple[Tensor, Tensor]:
    """Compute scaled dot-product attention step by step: the reference.

        A = softmax(Q K^T * scale)        Y = dropout(A) V

    Args:
        Q: Queries.
        K: Keys.
        V: Values.
        mask: True if a query may look at a key, or a float mask added to the scores. A row that
            may look nowhere (a padded position) gets finite weights without a meaning rather than
            NaN, which would spread.
        scale: 1 / sqrt(d) by default.
        dropout: Probability with which a weight is dropped; give 0 outside training.

    Returns:
        Y, and the weights A as they are before dropout.

    Shape:
        Q: (..., queries, d); K: (..., keys, d); V: (..., keys, e); mask: broadcast to
        (..., queries, keys); Y: (..., queries, e); A: (..., queries, keys).
    """
    scale = Q.shape[-1] ** -0.5 if scale is None else scale
    scores = (Q @ K.transpose(-2, -1)) * scale  # (..., queries, keys)
    if mask is not None and mask.dtype == torch.bool:
        scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
    elif mask is not None:
        scores = scores + mask
    precision = torch.promote_types(scores.dtype, torch.float32)
    A = torch.softmax(scores, dim=-1, dtype=precision).to(V.dtype)
    Y = drop(A, dropout) @ V  # (..., queries, e)
    return Y, A


class MultiHeadAttention(nn.Module):
    """Self-attention with h heads; the equations are at the top of this file.

    The matrices of all heads are computed as one product, `qkv_proj`; its rows are ordered Q, K, V
    as in `torch.nn.MultiheadAttention`, so that weights can be exchanged with it. `o_proj` is O.

    The bias of the keys adds the same number to all scores of a query, which the softmax does not
    see: its gradient is zero except for rounding, unless rotary positions turn the keys.

    Args:
        hidden_size: The width d.
        num_heads: h, a divisor of d.
        dropout: Probability with which an attention weight is dropped while training.
        bias: Whether the two projections have one.
        causal: Whether a position may look at itself and what is before it only.

    Raises:
        ValueError: d is not a multiple of h.

    Shape:
        (batch, length, hidden_size) in and out.
    """

    def __init__(
        self,
        hidden_size: int,
        num_heads: int,
        *,
        dropout: float = 0.0,
        bias: bool = True,
        causal: bool = True,
    ) -> None:
        super().__init__()
        if hidden_size % num_heads:
            raise ValueError(f"hidden_size {hidden_size} is not a multiple of {num_heads} heads")
        self.num_heads = num_heads
        self.head_size = hidden_size // num_heads
        self.scaling = self.head_size**-0.5
        self.dropout = dropout
        self.is_causal = causal
        self.qkv_proj = nn.Linear(hidden_size, 3 * hidden_size, bias=bias)
        self.o_proj = nn.Linear(hidden_size, hidden_size, bias=bias)

    def project(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values of every head.

        Shape:
            x: (batch, length, hidden_size); each result: (batch, heads, length, head_size).
        """
        batch, length, _ = x.shape
        qkv = self.qkv_proj(x)  # (batch, length, 3 * hidden_size)
        split = qkv.view(batch, length, 3, self.num_heads, self.head_size)
        Q, K, V = split.permute(2, 0, 3, 1, 4)  # (batch, heads, length, head_size) each
        return Q, K, V

    def combine(self, heads: Tensor) -> Tensor:
        """Concatenate the heads and project.

        Shape:
            heads: (batch, length, heads, head_size); result: (batch, length, hidden_size).
        """
        return self.o_proj(heads.flatten(-2))  # (batch, length, hidden_size)

    def forward(
        self, x: Tensor, mask: Tensor | None = None, need_weights: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        """Attend within a sequence.

        Args:
            x: The input vectors.
            mask: True at the keys that a position may look at, on top of causality; all by default.
            need_weights: Take the explicit path and return the weights of every head, rather than
                `torch.nn.functional.scaled_dot_product_attention`, which has the same values.

        Returns:
            The output, and the weights if they are wanted, else `None`.

        Shape:
            x, output: (batch, length, hidden_size); mask: broadcast to (batch, heads, length,
            length); weights: (batch, heads, length, length).
        """
        Q, K, V = self.project(x)
        dropout = self.dropout if self.training else 0.0
        causal = self.is_causal
        if causal and (need_weights or mask is not None):
            before = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool, device=x.device).tril()
            mask, causal = before if mask is None else mask & before, False
        weights = None
        if need_weights:
            heads, weights = attend(Q, K, V, mask, scale=self.scaling, dropout=dropout)
        else:
            heads = functional.scaled_dot_product_attention(
                Q, K, V, attn_mask=mask, dropout_p=dropout, is_causal=causal, scale=self.scaling
            )
        return self.combine(heads.transpose(1, 2)), weights
