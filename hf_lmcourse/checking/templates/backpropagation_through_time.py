"""Backpropagation through time in the simple recurrent network.

With row vectors, h_0 = h, and tokens x_1 .. x_T, targets y_1 .. y_T of each text:

    h_t    = sigmoid(h_{t-1} H + L[x_t] I + b1)         yhat_t = softmax(h_t U + b2)
    J      = mean over all words of all texts of  - log yhat_t[y_t]

Find the gradients of J by hand, and implement them without autograd. They pass through all steps,
from the last to the first, and d_h is the gradient of the first state h. J is in nats.

Check it with `lmcourse check FILE`. A file that imports NumPy and not torch gets NumPy arrays.
"""

from torch import Tensor


def backpropagation_through_time(
    tokens: Tensor,
    targets: Tensor,
    h: Tensor,
    L: Tensor,
    H: Tensor,
    I: Tensor,
    b1: Tensor,
    U: Tensor,
    b2: Tensor,
) -> tuple[Tensor, ...]:
    """J and its gradients d_L, d_H, d_I, d_b1, d_U, d_b2, d_h.

    Shape:
        tokens, targets: (batch, length), integers; h, d_h: (batch, hidden_size);
        L, d_L: (words, embedding_size); H, d_H: (hidden_size, hidden_size);
        I, d_I: (embedding_size, hidden_size); b1, d_b1: (hidden_size,);
        U, d_U: (hidden_size, words); b2, d_b2: (words,); J: ().
    """
    raise NotImplementedError
