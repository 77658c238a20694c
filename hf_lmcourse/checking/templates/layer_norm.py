"""Layer normalisation.

With mean and variance over the features of a row, the variance divided by their number d:

    mean = 1/d sum_i x_i        variance = 1/d sum_i (x_i - mean)^2
    y    = gamma * (x - mean) / sqrt(variance + eps) + beta

Check it with `lmcourse check FILE`: values, and gradients through autograd. A file that imports
NumPy and not torch gets NumPy arrays, and only values are compared. Instead of the function there
may be a class LayerNorm(features), an nn.Module or not, with attributes gamma and beta, which the
checker sets, and which is called with x and eps.
"""

from torch import Tensor


def layer_norm(x: Tensor, gamma: Tensor, beta: Tensor, eps: float) -> Tensor:
    """The normalised rows y.

    Shape:
        x, y: (rows, features); gamma, beta: (features,).
    """
    raise NotImplementedError
