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


def transformer_block(
    X: Tensor,
    W_qkv: Tensor,
    b_qkv: Tensor,
    W_o: Tensor,
    b_o: Tensor,
    W_1: Tensor,
    b_1: Tensor,
    W_2: Tensor,
    b_2: Tensor,
    gamma_1: Tensor,
    beta_1: Tensor,
    gamma_2: Tensor,
    beta_2: Tensor,
    num_heads: int,
) -> Tensor:
    """Return the output Y of a block with its norms before the branches, made of what is above.

    With causal attention, eps = 1e-5, and GELU(a) = a Phi(a),

        Z = X + Attention(LayerNorm(X; gamma_1, beta_1))
        Y = Z + W_2 GELU(W_1 LayerNorm(Z; gamma_2, beta_2) + b_1) + b_2

    Shape:
        X, Y: (batch, length, d); W_qkv: (3 * d, d); b_qkv: (3 * d,); W_o: (d, d); b_o: (d,);
        W_1: (wide, d); b_1: (wide,); W_2: (d, wide); b_2, gamma_1, beta_1, gamma_2, beta_2: (d,).
    """
    # BEGIN SOLUTION
    normed = layer_norm(X, gamma_1, beta_1, 1e-5)
    Z = X + multi_head_attention(normed, W_qkv, b_qkv, W_o, b_o, num_heads, causal=True)
    # END SOLUTION
    # BEGIN SOLUTION
    wide = layer_norm(Z, gamma_2, beta_2, 1e-5) @ W_1.T + b_1
    # END SOLUTION
    return Z + torch.nn.functional.gelu(wide) @ W_2.T + b_2  # SOLUTION
