"""Multi-head self-attention.

With X a sequence of vectors of size d, h heads of size d/h each, and for head i

    Q, K, V = X W_qkv^T + b_qkv                      three parts of size d, each split in heads
    Y_i = softmax(Q_i K_i^T / sqrt(d/h)) V_i         one row of weights per query
    Y = [Y_1; ...; Y_h] W_o^T + b_o                  heads concatenated, then projected

The rows of W_qkv and b_qkv are three blocks of d, in the order Q, K, V; each block has d/h rows for
head 1, then d/h for head 2, and so on. If `causal` is true, position t attends to 1 .. t only.

Check it with `lmcourse check FILE`: values, and gradients through autograd. A file that imports
NumPy and not torch gets NumPy arrays, and only values are compared. Instead of the
function there may be a class MultiHeadAttention(hidden_size, num_heads, causal), an nn.Module or
not, with attributes W_qkv, b_qkv, W_o, b_o, which the checker sets, and which is called with X.
"""

from torch import Tensor


def multi_head_attention(
    X: Tensor,
    W_qkv: Tensor,
    b_qkv: Tensor,
    W_o: Tensor,
    b_o: Tensor,
    num_heads: int,
    causal: bool,
) -> Tensor:
    """The output Y.

    Shape:
        X, Y: (batch, length, d); W_qkv: (3 * d, d); b_qkv: (3 * d,); W_o: (d, d); b_o: (d,).
    """
    raise NotImplementedError
