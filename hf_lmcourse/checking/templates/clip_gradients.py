"""Clipping of the gradient's norm.

With ||g|| the Euclidean norm of all entries of all gradients together:

    g' = min(1, max_norm / ||g||) g         for each gradient g

Check it with `lmcourse check FILE`. A file that imports NumPy and not torch gets NumPy arrays.
"""

from torch import Tensor


def clip_gradients(g_W: Tensor, g_b: Tensor, max_norm: float) -> tuple[Tensor, Tensor]:
    """The clipped gradients g_W' and g_b'.

    Shape:
        g_W, g_W': (rows, columns); g_b, g_b': (columns,).
    """
    raise NotImplementedError
