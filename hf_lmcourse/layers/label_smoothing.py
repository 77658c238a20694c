"""Label smoothing of a linear output layer: a little probability for every word."""

from torch import Tensor
from torch.nn import functional

from ..kernels.softmax_loss import IGNORED


def label_margin(hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor) -> Tensor:
    """How far the logits of the targets lie above the mean logit, summed: what smoothing punishes.

    Label smoothing takes the share epsilon of a label and spreads it over all V words:

        loss = (1 - epsilon) (-log p_y) + epsilon / V  sum over j of (-log p_j)
             = -log p_y + epsilon (z_y - mean over j of z_j)

    since -log p_j = log Z - z_j and log Z is common to all words. The mean logit is that of the
    mean row, h . mean(W) + mean(b), so the second term costs no product with W.

    Args:
        hidden: The vectors h.
        weight: W, whose rows give the logits z = W h + b.
        bias: b, or `None`.
        targets: Token ids y; `-100` is not counted.

    Returns:
        sum over tokens of z_y - mean(z), to be multiplied by epsilon and added to the
        cross-entropy.

    Shape:
        hidden: (tokens, size); weight: (V, size); bias: (V,); targets: (tokens,); result: ().

    Reference:
        Szegedy et al. 2016, Rethinking the Inception Architecture for Computer Vision, section 7.
    """
    kept = targets != IGNORED
    labels, dtype = targets[kept], weight.dtype
    rows = functional.embedding(labels, weight) - weight.mean(0)
    margin = (hidden[kept].to(dtype) * rows).sum()
    return margin if bias is None else margin + (bias[labels] - bias.mean()).sum()
