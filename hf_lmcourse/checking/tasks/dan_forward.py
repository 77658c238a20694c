"""Forward pass of the deep averaging network."""

import random
from collections.abc import Callable
from functools import cache, partial

import torch
from torch import Tensor
from torch.func import functional_call

from ...models.dan import DANConfig, DANForSequenceClassification
from ..task import Function, Sizes, Task, change_arguments, draw_normal, zero

_ARGUMENTS = ("ids", "mask", "E", "W1", "b1", "W2", "b2")


@cache
def _model(words: int, size: int, hidden: int, classes: int) -> DANForSequenceClassification:
    """Build the package's network of these sizes; its own weights are never used."""
    config = DANConfig(
        vocab_size=words,
        embedding_size=size,
        hidden_size=hidden,
        num_hidden_layers=1,
        hidden_act="tanh",
    )
    config.num_labels = classes
    return DANForSequenceClassification(config).eval()


def _reference(
    ids: Tensor, mask: Tensor, E: Tensor, W1: Tensor, b1: Tensor, W2: Tensor, b2: Tensor
) -> tuple[Tensor]:
    weights = {
        "model.embed_tokens.weight": E,
        "model.layers.0.weight": W1,
        "model.layers.0.bias": b1,
        "classifier.weight": W2,
        "classifier.bias": b2,
    }
    model = _model(len(E), E.shape[1], len(W1), len(W2))
    return (functional_call(model, weights, (ids, mask)).logits,)


def _mean(vectors: Tensor, mask: Tensor) -> Tensor:
    """Return the mean of the words' vectors; zero for a text without words."""
    return (vectors * mask.unsqueeze(-1)).sum(1) / mask.sum(1, keepdim=True).clamp(min=1)


def _altered(
    *,
    mean: Callable[[Tensor, Tensor], Tensor] = _mean,
    activation: Callable[[Tensor], Tensor] = torch.tanh,
    output: Callable[[Tensor], Tensor] = lambda logits: logits,
) -> Function:
    """Return the network with one part replaced; with none replaced it is the reference."""

    def network(
        ids: Tensor, mask: Tensor, E: Tensor, W1: Tensor, b1: Tensor, W2: Tensor, b2: Tensor
    ) -> tuple[Tensor]:
        hidden = activation(mean(E[ids], mask) @ W1.t() + b1)
        return (output(hidden @ W2.t() + b2),)

    return network


def _sum(vectors: Tensor, mask: Tensor) -> Tensor:
    return (vectors * mask.unsqueeze(-1)).sum(1)


def _maximum(vectors: Tensor, mask: Tensor) -> Tensor:
    lowest = torch.finfo(vectors.dtype).min
    found = vectors.masked_fill(mask.unsqueeze(-1) == 0, lowest).amax(1)
    return torch.where(mask.any(1, keepdim=True), found, 0)


_with = partial(change_arguments, _reference, _ARGUMENTS)

_VARIANTS: dict[str, Function] = {
    "the mean runs over padding too": _with(mask=torch.ones_like),
    "the words are summed, but divided by the length with padding": _altered(
        mean=lambda vectors, mask: _sum(vectors, mask) / mask.shape[1]
    ),
    "padding is summed too, but the sum is divided by the number of words": _altered(
        mean=lambda vectors, mask: vectors.sum(1) / mask.sum(1, keepdim=True).clamp(min=1)
    ),
    "the mask is reversed: the mean runs over the padding": _with(mask=lambda mask: 1 - mask),
    "the vectors are summed, not averaged": _altered(mean=_sum),
    "the maximum of each component is taken, not the mean": _altered(mean=_maximum),
    "a text without words is divided by zero: its mean is 0": _altered(
        mean=lambda vectors, mask: _sum(vectors, mask) / mask.sum(1, keepdim=True)
    ),
    "tanh is missing in the hidden layer": _altered(activation=lambda a: a),
    "the hidden layer is ReLU, not tanh": _altered(activation=torch.relu),
    "the hidden layer is the sigmoid, not tanh": _altered(activation=torch.sigmoid),
    "the output is softmax(logits), not the logits": _altered(
        output=lambda logits: torch.softmax(logits, -1)
    ),
    "the output is log softmax(logits), not the logits": _altered(
        output=lambda logits: torch.log_softmax(logits, -1)
    ),
    "tanh is applied to the logits too": _altered(output=torch.tanh),
    "the bias b1 is omitted": _with(b1=zero),
    "the bias b2 is omitted": _with(b2=zero),
    "the biases b1 and b2 are omitted": _with(b1=zero, b2=zero),
    "W1 is transposed": _with(W1=torch.t),
    "W2 is transposed": _with(W2=torch.t),
    "W1 and W2 are transposed": _with(W1=torch.t, W2=torch.t),
}


def _sizes(rng: random.Random) -> Sizes:
    sizes = {name: rng.randint(2, 6) for name in ("texts", "length")}
    widths = ("embedding_size", "hidden_size", "classes")
    return {**sizes, "words": 9, **{name: rng.randint(2, 5) for name in widths}}


def _draw(sizes: Sizes, generator: torch.Generator) -> dict[str, Tensor]:
    texts, length, words = sizes["texts"], sizes["length"], sizes["words"]
    size, hidden, classes = (sizes[n] for n in ("embedding_size", "hidden_size", "classes"))
    mask = torch.randint(2, (texts, length), generator=generator)
    mask[:, 0] = 1
    if sizes.get("one_text_is_empty"):
        mask[0] = 0
    # padding has the id of any word, so that its vector is not zero
    ids = torch.randint(words, (texts, length), generator=generator)
    parameters = draw_normal(
        generator,
        E=(words, size),
        W1=(hidden, size),
        b1=(hidden,),
        W2=(classes, hidden),
        b2=(classes,),
    )
    return {"ids": ids, "mask": mask, **parameters}


_SQUARE = {"embedding_size": 3, "hidden_size": 3, "classes": 3}

DAN_FORWARD = Task(
    name="dan_forward",
    arguments=_ARGUMENTS,
    outputs=("logits",),
    reference=_reference,
    draw=_draw,
    sizes=_sizes,
    special=(
        {"texts": 3, "length": 5, "words": 9, **_SQUARE},
        {"texts": 2, "length": 6, "words": 7, "embedding_size": 4, "hidden_size": 3, "classes": 2},
        {"texts": 2, "length": 4, "words": 9, **_SQUARE, "one_text_is_empty": True},
    ),
    variants=_VARIANTS,
    parameters=("E", "W1", "b1", "W2", "b2"),
    constructor=("words", "embedding_size", "hidden_size", "classes"),
)
"""The network of `hf_lmcourse.models.dan` with one hidden layer, in evaluation mode."""
