"""Positions of tokens: sinusoidal and rotary."""

import torch
from torch import Tensor


def position_angles(
    positions: Tensor, size: int, base: float = 10_000.0, dtype: torch.dtype = torch.float32
) -> Tensor:
    """The angle of every position at each of size / 2 frequencies.

        angle(t, i) = t * base^(-2i / size)        i = 0 .. size/2 - 1

    Args:
        positions: t, from 0.
        size: An even number of features.
        base: The wave lengths run from 2 pi to nearly 2 pi base.
        dtype: Of the result; at least float32, or far positions lose their digits.

    Returns:
        The angles in radians.

    Shape:
        positions: (...); result: (..., size / 2).
    """
    dtype = torch.promote_types(dtype, torch.float32)
    exponents = torch.arange(0, size, 2, device=positions.device, dtype=dtype) / size
    return positions.to(dtype).unsqueeze(-1) * base**-exponents


def sinusoidal_positions(positions: Tensor, size: int, dtype: torch.dtype) -> Tensor:
    """A fixed vector for every position, to be added to the embeddings.

        p(t)[2i] = sin(t * 10000^(-2i / size))        p(t)[2i + 1] = cos(t * 10000^(-2i / size))

    p(t + k) is a fixed linear function of p(t), so that "k tokens ago" is easy to learn.

    Args:
        positions: t, from 0.
        size: An even number of features.
        dtype: Of the result.

    Shape:
        positions: (...); result: (..., size).

    Reference:
        Vaswani et al. 2017, Attention Is All You Need, section 3.5.
    """
    angles = position_angles(positions, size, dtype=dtype)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(-2).to(dtype)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn every pair of features by its position's angle: rotary positions.

    With (x_i, y_i) the pair i of a query or key at position t, a = angle(t, i):

        x_i' = x_i cos a - y_i sin a        y_i' = x_i sin a + y_i cos a

    The product of a query at t and a key at s then depends on t - s alone. A pair is feature i of
    the first half and feature i of the second; the paper pairs neighbours, which is the same up to
    the order of features.

    Args:
        x: Queries or keys.
        cos: Cosines of the angles.
        sin: Sines of the angles.

    Shape:
        x, result: (..., length, size); cos, sin: broadcast to (..., length, size / 2).

    Reference:
        Su et al. 2021, RoFormer: Enhanced Transformer with Rotary Position Embedding.
    """
    first, second = x.chunk(2, dim=-1)  # (..., length, size / 2) each
    cos, sin = cos.to(x.dtype), sin.to(x.dtype)
    return torch.cat([first * cos - second * sin, first * sin + second * cos], dim=-1)
