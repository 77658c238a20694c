"""Attention from its equations, and the block of a Transformer."""

import math

import torch
from torch import Tensor


def scaled_dot_product(Q: Tensor, K: Tensor, V: Tensor, mask: Tensor) -> Tensor:
    """Return softmax(Q K^T / sqrt(d)) V, where a query attends to keys with mask 1 alone.

    Shape:
        Q: (batch, queries, d); K: (batch, keys, d); V: (batch, keys, value_size);
        mask: (queries, keys), integers; result: (batch, queries, value_size).
    """
    scores = Q @ K.transpose(1, 2) / math.sqrt(Q.shape[-1])  # SOLUTION
    # a masked key has the weight 0, and the others sum to one
    # BEGIN SOLUTION
    scores = scores.masked_fill(mask == 0, float("-inf"))
    weights = torch.softmax(scores, dim=-1)
    # END SOLUTION
    return weights @ V


def multi_head_attention(
    X: Tensor,
    W_qkv: Tensor,
    b_qkv: Tensor,
    W_o: Tensor,
    b_o: Tensor,
    num_heads: int,
    causal: bool,
) -> Tensor:
    """Return the output Y of self-attention with several heads.

    With Q, K, V = X W_qkv^T + b_qkv, three parts of size d, each split into heads of size d / h,

        Y_i = softmax(Q_i K_i^T / sqrt(d / h)) V_i      Y = [Y_1; ...; Y_h] W_o^T + b_o

    If `causal` is true, position t attends to the positions 1 .. t.

    Shape:
        X, Y: (batch, length, d); W_qkv: (3 * d, d); b_qkv: (3 * d,); W_o: (d, d); b_o: (d,).
    """
    batch, length, d = X.shape
    # (batch, num_heads, length, d / num_heads) each
    # BEGIN SOLUTION
    q, k, v = (
        part.reshape(batch, length, num_heads, -1).transpose(1, 2)
        for part in (X @ W_qkv.T + b_qkv).chunk(3, dim=-1)
    )
    # END SOLUTION
    scores = q @ k.transpose(2, 3) / math.sqrt(d // num_heads)  # SOLUTION
    if causal:
        # BEGIN SOLUTION
        later = torch.ones(length, length, dtype=torch.bool).triu(1)
        scores = scores.masked_fill(later, float("-inf"))
        # END SOLUTION
    # the heads side by side again
    # BEGIN SOLUTION
    Y = (torch.softmax(scores, dim=-1) @ v).transpose(1, 2).reshape(batch, length, d)
    # END SOLUTION
    return Y @ W_o.T + b_o


def layer_norm(x: Tensor, gamma: Tensor, beta: Tensor, eps: float) -> Tensor:
    """Return gamma * (x - mean) / sqrt(variance + eps) + beta, over the last axis.

    The variance is the mean of the squared differences.

    Shape:
        x, result: (batch, length, size); gamma, beta: (size,).
    """
    mean = x.mean(dim=-1, keepdim=True)  # SOLUTION
    variance = (x - mean).square().mean(dim=-1, keepdim=True)  # SOLUTION
    return gamma * (x - mean) / torch.sqrt(variance + eps) + beta  # SOLUTION
