"""Activation regularisation and its temporal form: small hidden vectors that change slowly."""

from torch import Tensor


def activation_penalty(
    dropped: Tensor, hidden: Tensor, alpha: float, beta: float, predicted: Tensor
) -> Tensor:
    """What activation regularisation (AR) and temporal activation regularisation (TAR) add.

        AR  = alpha  sum over t of  ||m * h_t||^2 / H           m the dropout mask, H the width
        TAR = beta   sum over t of  ||h_t - h_{t-1}||^2 / H     within the block

    both over the predicted positions t, so that the penalty, like the loss, is a sum that is
    divided by the number of predicted tokens. The first position of a block has no step before it.

    Args:
        dropped: m * h, what the output layer reads.
        hidden: h, the outputs of the last layer.
        alpha: Of AR.
        beta: Of TAR.
        predicted: Which positions have a label.

    Shape:
        dropped, hidden: (batch, length, H); predicted: (batch, length); result: ().

    Reference:
        Merity, McCann and Socher 2017, Revisiting Activation Regularization for Language RNNs: the
        squares are averaged over the units as in its published code.
    """
    mask = predicted.to(hidden.dtype)
    activation = (dropped.square().mean(-1) * mask).sum()
    steps = (hidden[:, 1:] - hidden[:, :-1]).square().mean(-1)
    return alpha * activation + beta * (steps * mask[:, 1:]).sum()
