"""The bigram network: the next word given the vector of the word before.

With x the embedding of the previous word:

    h = sigmoid(x W1 + b1)
    o = h W2 + b2                             the logits
    p(next word) = softmax(o)

Reference:
    Bengio et al. 2003 with n = 2, without the word before last.
"""

import torch
from torch import Tensor, nn


def bigram_forward(
    x: Tensor, W1: Tensor, b1: Tensor, W2: Tensor, b2: Tensor
) -> tuple[Tensor, Tensor]:
    """Compute h and the logits o: the reference of the model and of the gradients by hand.

    Shape:
        x: (rows, input_size); W1: (input_size, hidden_size); b1: (hidden_size,);
        W2: (hidden_size, vocabulary); b2: (vocabulary,);
        h: (rows, hidden_size); o: (rows, vocabulary).
    """
    h = torch.sigmoid(x @ W1 + b1)  # (rows, hidden_size)
    o = h @ W2 + b2  # (rows, vocabulary)
    return h, o


class BigramHiddenLayer(nn.Module):
    """The hidden layer h = sigmoid(x W1 + b1); W1 transposed and b1 are `projection`.

    W2 and b2 are the output layer of the model.

    Shape:
        x: (..., input_size); h: (..., hidden_size).
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.projection = nn.Linear(input_size, hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer at every position."""
        return torch.sigmoid(self.projection(x))  # (..., hidden_size)
