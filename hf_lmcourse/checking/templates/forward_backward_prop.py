"""Forward and backward pass of the bigram network, with all parameters in one vector.

With dimensions = (Dx, H, Dy), and params the entries of W1 (Dx x H), b1 (H), W2 (H x Dy) and b2
(Dy), one after the other and each matrix row by row,

    h    = sigmoid(data W1 + b1)        yhat = softmax(h W2 + b2)
    cost = sum over the rows of  - sum_k labels_k log yhat_k

Find the gradient of the cost by hand, and implement it without autograd; grad has the order of
params. The cost is a sum over the rows, in nats; divide it where you call it.

Check it with `lmcourse check FILE`. A file that imports NumPy and not torch gets NumPy arrays.
"""

from torch import Tensor


def forward_backward_prop(
    data: Tensor, labels: Tensor, params: Tensor, dimensions: list[int]
) -> tuple[Tensor, Tensor]:
    """The cost and its gradient grad.

    Shape:
        data: (rows, Dx); labels: (rows, Dy), one-hot; params, grad: (Dx H + H + H Dy + Dy,);
        cost: ().
    """
    raise NotImplementedError
