"""Loss of a sampled softmax.

With o = W h + b the logits of a row, drawn[j] 1 for the words drawn, and pi[j] the probability with
which word j is drawn:

    Z = sum over the words that are a target of some row of  exp(o_j)
      + sum over the other words that are drawn of           exp(o_j) / pi_j

    loss = mean over the rows of  log Z - o_target          in nats

The words drawn are the same for all rows, and a target is counted once although it is drawn too.

Check it with `lmcourse check FILE`: values, and gradients through autograd. A file that imports
NumPy and not torch gets NumPy arrays, and only values are compared.
The probabilities pi are constants.
"""

from torch import Tensor


def sampled_softmax(
    h: Tensor, W: Tensor, b: Tensor, targets: Tensor, drawn: Tensor, pi: Tensor
) -> Tensor:
    """The loss.

    Shape:
        h: (rows, size); W: (words, size); b, pi: (words,); targets: (rows,), integers;
        drawn: (words,), integers; loss: ().
    """
    raise NotImplementedError
