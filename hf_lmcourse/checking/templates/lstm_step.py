"""One step of the LSTM.

With x the input, h and c the state before the step, and * entry by entry:

    a = W x + U h + b                                     split into a_i, a_f, a_g, a_o
    i = sigmoid(a_i)      f = sigmoid(a_f)      o = sigmoid(a_o)      g = tanh(a_g)
    c' = f * c + i * g                                    the new cell
    h' = o * tanh(c')                                     the new hidden vector

The rows of W, U and b are four blocks of hidden_size, in the order i, f, g, o.

Check it with `lmcourse check FILE`: values, and gradients through autograd. A file that imports
NumPy and not torch gets NumPy arrays, and only values are compared. Instead of the
function there may be a class LSTMStep(input_size, hidden_size), an nn.Module or not, with
attributes W, U and b, which the checker sets, and which is called with x, h and c.
"""

from torch import Tensor


def lstm_step(
    x: Tensor, h: Tensor, c: Tensor, W: Tensor, U: Tensor, b: Tensor
) -> tuple[Tensor, Tensor]:
    """The new state h', c'.

    Shape:
        x: (batch, input_size); h, c, h', c': (batch, hidden_size);
        W: (4 * hidden_size, input_size); U: (4 * hidden_size, hidden_size); b: (4 * hidden_size,).
    """
    raise NotImplementedError
