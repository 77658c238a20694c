"""The hidden layer of Bengio's n-gram network.

With x_t = C(w_t) the embedding of the word at t, the vector that predicts w_{t+1} is

    h_t = tanh(d + H_0 x_t + H_1 x_{t-1} + ... + H_{n-2} x_{t-n+2})

Bengio writes the sum as one product H (x_t, x_{t-1}, ...) with the embeddings concatenated. As a
sum it is a convolution over time: every position at once, and no window is copied. In training the
product is the faster one (`NGramLayer.is_product`). Before the first word x is zero.

Reference:
    Bengio, Ducharme, Vincent and Jauvin 2003, A neural probabilistic language model.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..kernels.build import is_plain
from ..kernels.readable_weights import readable
from ..kernels.unfold import unfold
from .elman import ACTIVATIONS


def ngram_hidden(sequence: Tensor, H: Tensor, d: Tensor, activation: str) -> Tensor:
    """Compute h one position at a time: the reference.

    Args:
        sequence: The embeddings, preceded by those of the n - 2 words before the first position.
        H: H_0 .. H_{n-2} on the last axis, the oldest word's first.
        d: The bias.
        activation: The name of phi, a key of `ACTIVATIONS`.

    Shape:
        sequence: (batch, n - 2 + length, input_size); H: (hidden_size, input_size, n - 1);
        d: (hidden_size,); result: (batch, length, hidden_size).
    """
    words = H.shape[-1]
    steps = []
    for t in range(words - 1, sequence.shape[1]):
        a = d  # (hidden_size,)
        for k in range(words):
            a = a + sequence[:, t - k] @ H[:, :, words - 1 - k].t()  # (batch, hidden_size)
        steps.append(ACTIVATIONS[activation](a))
    return torch.stack(steps, dim=1)


class NGramLayer(nn.Module):
    """The hidden layer over a whole sequence; the equation is at the top of this file.

    H and d are `projection`, where H_k is `weight[:, :, -1 - k]`.

    Args:
        input_size: Width of the embeddings.
        hidden_size: Width of h.
        context_size: n - 1, how many words it looks at.
        activation: "tanh", "sigmoid" or "relu".

    Raises:
        ValueError: An unknown activation.

    Shape:
        x: (batch, length, input_size); h: (batch, length, hidden_size).
    """

    def __init__(
        self, input_size: int, hidden_size: int, context_size: int, activation: str = "tanh"
    ) -> None:
        super().__init__()
        if activation not in ACTIVATIONS:
            raise ValueError(f"activation {activation!r} is none of {sorted(ACTIVATIONS)}")
        self.context_size = context_size
        self.activation = activation
        self.projection = nn.Conv1d(input_size, hidden_size, context_size)

    def forward(self, x: Tensor, state: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """Compute h at every position.

        Args:
            x: The embeddings.
            state: The newest n - 2 embeddings before them, as `states` gives them; zeros by
                default.
            mask: non-zero at words, zero at padding, which is passed over, so that a padded row
                gives what an unpadded one does.

        Shape:
            x: (batch, length, input_size); state: (batch, (n - 2) * input_size);
            mask: (batch, length); result: (batch, length, hidden_size).
        """
        sequence, place = self._sequence(x, state, mask)  # (batch, n - 2 + length, input_size)
        return _at(ACTIVATIONS[self.activation](self._project(sequence)), place)

    def _project(self, sequence: Tensor) -> Tensor:
        """The sum at every position, as a product or as a convolution.

        Shape:
            sequence: (batch, n - 2 + length, input_size); result: (batch, length, hidden_size).
        """
        if not self.is_product(sequence):
            return self.projection(sequence.mT).mT
        H, d = self.projection.weight, self.projection.bias
        windows = unfold(sequence, self.context_size)  # (batch, length, (n - 1) * input_size)
        return functional.linear(windows, H.mT.flatten(1), d)

    def is_product(self, sequence: Tensor) -> bool:
        """Whether the sum is computed as the product that it is.

        It is at a single position, as in generation. At many it is on a processor, in float32, if a
        gradient may be taken: a convolution's costs more than the two products and the copies. In
        bfloat16 this was not measured.

        Shape:
            sequence: (batch, n - 2 + length, input_size).
        """
        if torch.compiler.is_exporting() or not readable(self.projection):
            return False
        if sequence.shape[1] == self.context_size:
            return True
        if torch.compiler.is_compiling() or torch.jit.is_tracing():
            return False
        if not torch.is_grad_enabled() or not is_plain(sequence):
            return False
        return sequence.dtype.itemsize >= 4 and not torch.is_autocast_enabled("cpu")

    def windows(self, x: Tensor, state: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """The n - 1 embeddings that each position looks at, the newest first, concatenated.

        Bengio's direct connections read them. Arguments as for `forward`.

        Shape:
            result: (batch, length, (n - 1) * input_size).
        """
        sequence, place = self._sequence(x, state, mask)
        windows = unfold(sequence, self.context_size)
        newest_first = windows.unflatten(-1, (self.context_size, -1)).flip(2).flatten(2)
        return _at(newest_first, place)

    def states(
        self,
        x: Tensor,
        state: Tensor | None = None,
        mask: Tensor | None = None,
        every_step: bool = False,
    ) -> Tensor:
        """The newest n - 2 embeddings, the newest first: what the words that follow will need.

        Args:
            x: As for `forward`.
            state: Likewise.
            mask: Likewise.
            every_step: Give the state after every word rather than after the last one alone.

        Shape:
            result: (batch, length or 1, (n - 2) * input_size).
        """
        carried = self.context_size - 1
        if every_step:
            return self.windows(x, state, mask)[..., : carried * x.shape[-1]]
        sequence, _ = self._sequence(x, state, mask)  # with a mask, the words are at the end
        return sequence[:, sequence.shape[1] - carried :].flip(1).flatten(1).unsqueeze(1)

    def _sequence(
        self, x: Tensor, state: Tensor | None, mask: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """The embeddings with n - 2 before them, and the position of each word's result.

        If some are masked, the words are moved to the end, so that they are neighbours.

        Shape:
            sequence: (batch, n - 2 + length, input_size); place: (batch, length), or `None` if
            nothing was moved.
        """
        batch, length, size = x.shape
        carried = self.context_size - 1
        if state is None:
            before = x.new_zeros(batch, carried, size)
        else:
            before = state.view(batch, carried, size).flip(1).to(x.dtype)
        sequence = torch.cat([before, x], dim=1)
        if mask is None:
            return sequence, None
        real = mask.bool().long()
        order = torch.cat([real.new_ones(batch, carried), real], dim=1).argsort(dim=1, stable=True)
        place = length - real.sum(1, keepdim=True) + real.cumsum(1) - 1
        return _at(sequence, order), place

    def extra_repr(self) -> str:
        """The settings that the submodule does not show."""
        return f"context_size={self.context_size}, activation={self.activation!r}"


def _at(vectors: Tensor, place: Tensor | None) -> Tensor:
    """The vectors at the positions named.

    Shape:
        vectors: (batch, positions, size); place: (batch, length); result: (batch, length, size).
    """
    if place is None:
        return vectors
    return vectors.gather(1, place.unsqueeze(-1).expand(-1, -1, vectors.shape[-1]))


class ResidualLayer(nn.Module):
    """A further hidden layer, which adds to what it reads and reads it normalised.

        y = x + phi(W norm(x) + b)        or, without the residual connection,    y = phi(W x + b)

    Args:
        size: Width of the vectors.
        activation: The name of phi: "tanh", "sigmoid" or "relu".
        residual: Whether to add the input and to normalise.

    Shape:
        (..., size) in and out.

    Reference:
        Sun and Iyyer 2021, Revisiting simple neural probabilistic language models (depth, residual
        connections and layer normalisation); He et al. 2016; Ba et al. 2016.
    """

    def __init__(self, size: int, activation: str = "tanh", residual: bool = True) -> None:
        super().__init__()
        self.residual = residual
        self.activation = activation
        self.norm = nn.LayerNorm(size) if residual else nn.Identity()
        self.projection = nn.Linear(size, size)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer at every position."""
        y = ACTIVATIONS[self.activation](self.projection(self.norm(x)))
        return x + y if self.residual else y
