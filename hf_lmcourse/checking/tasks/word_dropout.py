"""Embedding with dropout of whole words."""

import random
from functools import partial

import torch
from torch import Tensor

from ...layers.dropout import keep_words
from ..task import Function, Sizes, Task, change_arguments, draw_normal

_ARGUMENTS = ("ids", "E", "keep", "p")


def _reference(ids: Tensor, E: Tensor, keep: Tensor, p: float) -> tuple[Tensor]:
    return (keep_words(E[ids], ids, keep.to(E.dtype), p),)


def _scaled(factor: float | str) -> Function:
    """Multiply what is kept by 1, p, 1 - p or 1 / p, not by 1 / (1 - p)."""
    factors = {"p": lambda p: p, "1 - p": lambda p: 1 - p, "1 / p": lambda p: 1 / p}

    def embed(ids: Tensor, E: Tensor, keep: Tensor, p: float) -> tuple[Tensor]:
        by = factors[factor](p) if isinstance(factor, str) else factor
        return (_reference(ids, E, keep, p)[0] * (1 - p) * by,)

    return embed


def _by_position(ids: Tensor, E: Tensor, keep: Tensor, p: float) -> tuple[Tensor]:
    """Drop positions, the same in every text."""
    dropped = keep[torch.arange(ids.shape[1]) % len(keep)].unsqueeze(-1)
    return (E[ids] * dropped / (1 - p),)


def _first_word(ids: Tensor, E: Tensor, keep: Tensor, p: float) -> tuple[Tensor]:
    """Replace a dropped word by word 0."""
    return (E[ids * keep[ids]] / (1 - p),)


_with = partial(change_arguments, _reference, _ARGUMENTS)

_VARIANTS: dict[str, Function] = {
    "what is kept is not rescaled: divide by 1 - p": _scaled(1.0),
    "what is kept is multiplied by 1 - p, not divided": _scaled("1 - p"),
    "what is kept is divided by p, not by 1 - p": _scaled("1 / p"),
    "what is kept is multiplied by p": _scaled("p"),
    "the mask is reversed: keep is 1 for the words that stay": _with(keep=lambda keep: 1 - keep),
    "the mask is ignored": _with(keep=torch.ones_like),
    "positions are dropped, not words: index keep by the word": _by_position,
    "a dropped word is replaced by word 0, not by a vector of zeros": _first_word,
}


def _sizes(rng: random.Random) -> Sizes:
    sizes = {name: rng.randint(2, 6) for name in ("texts", "length", "words", "embedding_size")}
    return sizes | {"p": rng.choice([0.1, 0.2, 0.4])}


def _draw(sizes: Sizes, generator: torch.Generator) -> dict[str, Tensor]:
    words = sizes["words"]
    ids = torch.randint(words, (sizes["texts"], sizes["length"]), generator=generator)
    keep = torch.randint(2, (words,), generator=generator)
    keep[:2] = torch.tensor([1, 0])
    drawn = draw_normal(generator, E=(words, sizes["embedding_size"]))
    return drawn | {"ids": ids, "keep": keep}


WORD_DROPOUT = Task(
    name="word_dropout",
    arguments=_ARGUMENTS,
    outputs=("e",),
    reference=_reference,
    draw=_draw,
    sizes=_sizes,
    special=(
        {"texts": 4, "length": 4, "words": 4, "embedding_size": 4, "p": 0.2},
        {"texts": 2, "length": 5, "words": 3, "embedding_size": 2, "p": 0.4},
    ),
    variants=_VARIANTS,
    parameters=("E",),
    constructor=("words", "embedding_size"),
)
"""The dropout of `hf_lmcourse.layers.dropout`, with the random mask given."""
