"""One step of the GRU.

With x the input, h the state before the step, and * entry by entry:

    r  = sigmoid(W_r x + b_r + U_r h + b_hr)              reset gate
    z  = sigmoid(W_z x + b_z + U_z h + b_hz)              update gate
    n  = tanh(W_n x + b_n + r * (U_n h + b_hn))           candidate
    h' = (1 - z) * n + z * h

The rows of W, U, b and b_h are three blocks of hidden_size, in the order r, z, n. The reset gate
acts on the recurrent product and its bias, as in torch.nn.GRU.

Check it with `lmcourse check FILE`: values, and gradients through autograd. A file that imports
NumPy and not torch gets NumPy arrays, and only values are compared. Instead of the
function there may be a class GRUStep(input_size, hidden_size), an nn.Module or not, with
attributes W, U, b and b_h, which the checker sets, and which is called with x and h.
"""

from torch import Tensor


def gru_step(x: Tensor, h: Tensor, W: Tensor, U: Tensor, b: Tensor, b_h: Tensor) -> Tensor:
    """The new state h'.

    Shape:
        x: (batch, input_size); h, h': (batch, hidden_size); W: (3 * hidden_size, input_size);
        U: (3 * hidden_size, hidden_size); b, b_h: (3 * hidden_size,).
    """
    raise NotImplementedError
