"""Beam search in a bigram model."""

import random
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from ..task import Function, Sizes, Task, change_arguments, draw_normal

_ARGUMENTS = ("log_first", "log_next", "length", "num_beams")


def _best(scores: Tensor, num_beams: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return the best continuations of all beams together: scores, beams, words."""
    found = scores.flatten().topk(min(num_beams, scores.numel()))
    words = scores.shape[1]
    return found.values, found.indices // words, found.indices % words


def _best_of_each(scores: Tensor, num_beams: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return the best continuation of each beam."""
    found = scores.max(-1)
    return found.values, torch.arange(len(scores)), found.indices


def _altered(
    *,
    extended: Callable[[Tensor, Tensor], Tensor] = lambda score, log_p: score + log_p,
    selected: Callable[[Tensor, int], tuple[Tensor, Tensor, Tensor]] = _best,
    returned: Callable[[Tensor], Tensor] = lambda scores: scores.argmax(),
    divided: bool = False,
) -> Function:
    """Return the search with one part replaced; with none replaced it is the reference."""

    def search(
        log_first: Tensor, log_next: Tensor, length: int, num_beams: int
    ) -> tuple[Tensor, Tensor]:
        started = log_first.topk(min(num_beams, len(log_first)))
        scores, texts = started.values, started.indices.unsqueeze(1)
        for _ in range(length - 1):
            after = extended(scores.unsqueeze(1), log_next[texts[:, -1]])  # (beams, words)
            scores, beams, words = selected(after, num_beams)
            texts = torch.cat([texts[beams], words.unsqueeze(1)], dim=1)
        place = returned(scores)
        return texts[place], scores[place] / length if divided else scores[place]

    return search


_reference = _altered()
_with = partial(change_arguments, _reference, _ARGUMENTS)


def _without_first(
    log_first: Tensor, log_next: Tensor, length: int, num_beams: int
) -> tuple[Tensor, Tensor]:
    tokens, score = _reference(log_first, log_next, length, num_beams)
    return tokens, score - log_first[tokens[0]]


_VARIANTS: dict[str, Function] = {
    "only one beam is kept: this is greedy search": _with(num_beams=lambda beams: 1),
    "one beam too few is kept": _with(num_beams=lambda beams: beams - 1),
    "every beam keeps its own best word: all continuations compete for the beams": _altered(
        selected=_best_of_each
    ),
    "the log-probabilities of a beam are multiplied, not added": _altered(
        extended=lambda score, log_p: -(score * log_p).abs()
    ),
    "a beam is scored by its last word alone": _altered(extended=lambda score, log_p: log_p),
    "the worst of the beams is returned, not the best": _altered(
        returned=lambda scores: scores.argmin()
    ),
    "the score is divided by the length": _altered(divided=True),
    "log_next is transposed: row v has the words after v": _with(log_next=torch.t),
    "the first word has no log-probability of its own in the score": _without_first,
    "the text has one word too many": _with(length=lambda length: length + 1),
}


def _sizes(rng: random.Random) -> Sizes:
    return {"words": rng.randint(4, 8), "length": rng.randint(3, 6), "num_beams": rng.randint(2, 4)}


def _draw(sizes: Sizes, generator: torch.Generator) -> dict[str, Tensor]:
    words = sizes["words"]
    drawn = draw_normal(generator, log_first=(words,), log_next=(words, words))
    scaled = {"log_first": drawn["log_first"] / 4, "log_next": 2 * drawn["log_next"]}
    return {name: torch.log_softmax(value, -1) for name, value in scaled.items()}


BEAM_SEARCH = Task(
    name="beam_search",
    arguments=_ARGUMENTS,
    outputs=("tokens", "score"),
    reference=_reference,
    draw=_draw,
    sizes=_sizes,
    special=(
        {"words": 5, "length": 4, "num_beams": 2},
        {"words": 6, "length": 1, "num_beams": 3},
        {"words": 7, "length": 5, "num_beams": 3},
    ),
    variants=_VARIANTS,
    differentiable=False,
)
"""Beam search without length penalty and without an end of the text."""
