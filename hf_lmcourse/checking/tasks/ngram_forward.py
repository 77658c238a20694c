"""Forward pass of Bengio's n-gram network."""

from functools import partial

import torch
from torch import Tensor

from ...layers.ngram import ngram_hidden
from ..task import Function, Sizes, Task, change_arguments, draw_normal, sizes_between, zero

_ARGUMENTS = ("ids", "C", "H", "d", "U", "b")


def _altered(*, activation: str = "tanh") -> Function:
    """Return the forward pass with another activation."""

    def forward(
        ids: Tensor, C: Tensor, H: Tensor, d: Tensor, U: Tensor, b: Tensor
    ) -> tuple[Tensor]:
        blocks = H.view(len(H), ids.shape[1], -1).mT  # (hidden_size, embedding_size, n - 1)
        h = ngram_hidden(C[ids], blocks, d, activation)[:, 0]
        return (h @ U.t() + b,)

    return forward


_reference = _altered()


def _linear(ids: Tensor, C: Tensor, H: Tensor, d: Tensor, U: Tensor, b: Tensor) -> tuple[Tensor]:
    return ((C[ids].flatten(1) @ H.t() + d) @ U.t() + b,)


def _interleaved(ids: Tensor, C: Tensor, *rest: Tensor) -> tuple[Tensor]:
    """Concatenate the embeddings number by number, not word by word."""
    H, d, U, b = rest
    return (torch.tanh(C[ids].mT.flatten(1) @ H.t() + d) @ U.t() + b,)


def _normalised(*given: Tensor) -> tuple[Tensor]:
    return (torch.softmax(_reference(*given)[0], -1),)


def _averaged(ids: Tensor, C: Tensor, *rest: Tensor) -> tuple[Tensor]:
    """Replace the vector of every word by the mean of all."""
    H, d, U, b = rest
    x = C[ids].mean(1, keepdim=True).expand(-1, ids.shape[1], -1)
    return (torch.tanh(x.flatten(1) @ H.t() + d) @ U.t() + b,)


_with = partial(change_arguments, _reference, _ARGUMENTS)

_VARIANTS: dict[str, Function] = {
    "the words are read in the reverse order: the newest is the last": _with(
        ids=lambda ids: ids.flip(1)
    ),
    "the embeddings are interleaved, not concatenated word by word": _interleaved,
    "the embeddings are averaged, not concatenated": _averaged,
    "tanh is missing on the hidden layer": _linear,
    "the hidden layer is the sigmoid, not tanh": _altered(activation="sigmoid"),
    "the hidden layer is ReLU, not tanh": _altered(activation="relu"),
    "the softmax is applied: the result is to be the logits": _normalised,
    "the bias d is omitted": _with(d=zero),
    "the bias b is omitted": _with(b=zero),
    "the biases d and b are omitted": _with(d=zero, b=zero),
    "U is transposed": _with(U=torch.t),
}


def _draw(sizes: Sizes, generator: torch.Generator) -> dict[str, Tensor]:
    texts, context, words, embedding, hidden = (
        sizes[name] for name in ("texts", "context", "words", "embedding_size", "hidden_size")
    )
    drawn = draw_normal(
        generator,
        C=(words, embedding),
        H=(hidden, context * embedding),
        d=(hidden,),
        U=(words, hidden),
        b=(words,),
    )
    return drawn | {"ids": torch.randint(words, (texts, context), generator=generator)}


NGRAM_FORWARD = Task(
    name="ngram_forward",
    arguments=_ARGUMENTS,
    outputs=("logits",),
    reference=_reference,
    draw=_draw,
    sizes=sizes_between(2, 5, "texts", "context", "words", "embedding_size", "hidden_size"),
    special=(
        {"texts": 3, "context": 3, "words": 3, "embedding_size": 3, "hidden_size": 3},
        {"texts": 2, "context": 1, "words": 6, "embedding_size": 3, "hidden_size": 4},
        {"texts": 4, "context": 4, "words": 5, "embedding_size": 2, "hidden_size": 3},
    ),
    variants=_VARIANTS,
    parameters=("C", "H", "d", "U", "b"),
    constructor=("words", "context", "embedding_size", "hidden_size"),
)
"""The network of `hf_lmcourse.layers.ngram` with an output layer."""
