"""One step of Elman's recurrent network.

With x the input and h the state before the step:

    h' = tanh(W x + U h + b)

Check it with `lmcourse check FILE`: values, and gradients through autograd. A file that imports
NumPy and not torch gets NumPy arrays, and only values are compared. Instead of the function there
may be a class ElmanStep(input_size, hidden_size), an nn.Module or not, with attributes W, U and b,
which the checker sets, and which is called with x and h.
"""

from torch import Tensor


def elman_step(x: Tensor, h: Tensor, W: Tensor, U: Tensor, b: Tensor) -> Tensor:
    """The new state h'.

    Shape:
        x: (batch, input_size); h, h': (batch, hidden_size); W: (hidden_size, input_size);
        U: (hidden_size, hidden_size); b: (hidden_size,).
    """
    raise NotImplementedError
