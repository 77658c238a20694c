"""Gradients of softmax and cross-entropy for an output layer.

Row n of z is a hidden vector, row k of W belongs to class k, row n of y is a distribution over the
classes (one-hot or not):

    theta = z W^T        yhat = softmax(theta) row by row
    J     = 1/N sum over the rows n of  - sum_k y_nk log yhat_nk

Find dJ/dtheta, dJ/dW and dJ/dz by hand, and implement them without autograd. J is a mean over the
N rows. The logits can be large (1,000): adding a number to all logits of a row changes nothing.

Check it with `lmcourse check FILE`. A file that imports NumPy and not torch gets NumPy arrays.
"""

from torch import Tensor


def softmax_gradient(z: Tensor, W: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients d_theta, d_W, d_z of J.

    Shape:
        z, d_z: (rows, size); W, d_W: (classes, size); y, d_theta: (rows, classes).
    """
    raise NotImplementedError
