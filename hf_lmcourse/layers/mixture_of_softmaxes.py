"""A mixture of softmaxes: a distribution over the vocabulary that no matrix of low rank bounds."""

from collections.abc import Callable

import torch
from torch import Tensor, nn


class MixtureOfSoftmaxes(nn.Module):
    """What a mixture of softmaxes has besides the output matrix: K vectors, and their weights.

    With g the hidden vector, and W and b the output layer, shared by the components:

        h_k = tanh(V_k g + c_k)                             K vectors instead of one
        pi  = softmax(P g)                                  their weights
        p(w) = sum_k pi_k softmax(W h_k + b)[w]

    A single softmax makes the matrix of log p over contexts and words one of rank at most d + 2,
    with d the width of g: W h gives d, b one more, the normalisers one more. A logarithm of a sum
    has no such bound. `inspection/log_probability_rank.py` measures it on a trained model.

    Args:
        input_size: Width of g.
        size: Width of h_k and of the rows of W.
        components: How many softmaxes, K.

    Shape:
        g: (..., input_size); h: (..., components, size); log pi: (..., components).

    Reference:
        Yang, Dai, Salakhutdinov and Cohen 2018, Breaking the Softmax Bottleneck.
    """

    def __init__(self, input_size: int, size: int, components: int) -> None:
        super().__init__()
        self.components = components
        self.prior = nn.Linear(input_size, components, bias=False)
        self.latent = nn.Linear(input_size, components * size)

    def forward(self, g: Tensor) -> tuple[Tensor, Tensor]:
        """The vectors h_1 .. h_K and log pi, the latter in float32 or better."""
        h = torch.tanh(self.latent(g)).unflatten(-1, (self.components, -1))
        prior = self.prior(g)  # (..., components)
        dtype = torch.promote_types(prior.dtype, torch.float32)
        return h, torch.log_softmax(prior, dim=-1, dtype=dtype)

    def log_probabilities(self, g: Tensor, head: Callable[[Tensor], Tensor]) -> Tensor:
        """Log p of every word, added up component by component.

        Args:
            g: The hidden vectors.
            head: The output layer, h to W h + b.

        Shape:
            g: (..., input_size); result: (..., vocabulary).
        """
        h, log_prior = self(g)
        log_p: Tensor | None = None
        for k in range(self.components):
            logits = head(h[..., k, :])  # (..., vocabulary)
            part = torch.log_softmax(logits, -1, dtype=log_prior.dtype) + log_prior[..., k, None]
            log_p = part if log_p is None else torch.logaddexp(log_p, part)
        assert log_p is not None
        return log_p
