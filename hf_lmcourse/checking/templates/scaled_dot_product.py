"""Scaled dot-product attention with a mask.

With d the size of a query, and mask 1 where a query may attend to a key and 0 where it may not:

    Y = softmax(Q K^T / sqrt(d)) V                      one row of weights per query

A key that is masked gets the weight 0, and the others sum to one. Every query has a key.

Check it with `lmcourse check FILE`: values, and gradients through autograd. A file that imports
NumPy and not torch gets NumPy arrays, and only values are compared.
"""

from torch import Tensor


def scaled_dot_product(Q: Tensor, K: Tensor, V: Tensor, mask: Tensor) -> Tensor:
    """The output Y.

    Shape:
        Q: (batch, queries, d); K: (batch, keys, d); V: (batch, keys, value_size);
        mask: (queries, keys), integers; Y: (batch, queries, value_size).
    """
    raise NotImplementedError
