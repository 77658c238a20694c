"""Forward and backward pass of a network with one hidden layer.

With row vectors x_n, and y_n a distribution over the classes (one-hot or not):

    h    = sigmoid(x W1 + b1)        yhat = softmax(h W2 + b2)
    J    = 1/N sum over the rows n of  - sum_k y_nk log yhat_nk

Find the gradients of J by hand, and implement them without autograd. J is a mean over the N rows,
in nats. The logits can be large (1,000): adding a number to all logits of a row changes nothing.

Check it with `lmcourse check FILE`. A file that imports NumPy and not torch gets NumPy arrays.
Instead of the function there may be a class OneHiddenLayer(input_size, hidden_size, classes) with
attributes W1, b1, W2, b2, which the checker sets, and which is called with x and y.
"""

from torch import Tensor


def one_hidden_layer(
    x: Tensor, y: Tensor, W1: Tensor, b1: Tensor, W2: Tensor, b2: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """J and its gradients d_x, d_W1, d_b1, d_W2, d_b2.

    Shape:
        x, d_x: (rows, input_size); y: (rows, classes); W1, d_W1: (input_size, hidden_size);
        b1, d_b1: (hidden_size,); W2, d_W2: (hidden_size, classes); b2, d_b2: (classes,); J: ().
    """
    raise NotImplementedError
