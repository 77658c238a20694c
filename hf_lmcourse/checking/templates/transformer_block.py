"""A Transformer block with the norms before its branches.

With causal multi-head self-attention as in the task multi_head_attention, and eps = 1e-5:

    Z = X + Attention(LayerNorm(X; gamma_1, beta_1))
    Y = Z + FeedForward(LayerNorm(Z; gamma_2, beta_2))

    FeedForward(x) = W_2 GELU(W_1 x + b_1) + b_2        GELU(a) = a Phi(a), not an approximation

Check it with `lmcourse check FILE`: values, and gradients through autograd. A file that imports
NumPy and not torch gets NumPy arrays, and only values are compared. Instead of the function there
may be a class TransformerBlock(hidden_size, intermediate_size, num_heads), an nn.Module or not,
whose attributes have the names of the matrices and vectors; the checker sets them, and calls it
with X.
"""

from torch import Tensor


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
    """The output Y.

    Shape:
        X, Y: (batch, length, d); W_qkv: (3 * d, d); b_qkv: (3 * d,); W_o: (d, d); b_o: (d,);
        W_1: (wide, d); b_1: (wide,); W_2: (d, wide); b_2, gamma_1, beta_1, gamma_2, beta_2: (d,).
    """
    raise NotImplementedError
