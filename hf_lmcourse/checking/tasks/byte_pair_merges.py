"""Greedy merges of byte-pair encoding."""

import random
from collections import Counter
from collections.abc import Callable
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor

from ..task import Function, Sizes, Task, change_arguments

_ARGUMENTS = ("tokens", "vocabulary", "num_merges")
_Pair = tuple[int, int]


def _all_pairs(tokens: list[int]) -> Counter[_Pair]:
    return Counter(pairwise(tokens))


def _merged(tokens: list[int], pair: _Pair, new: int) -> list[int]:
    """Replace the pair from left to right."""
    found, place = [], 0
    while place < len(tokens):
        if tuple(tokens[place : place + 2]) == pair:
            found.append(new)
            place += 2
        else:
            found.append(tokens[place])
            place += 1
    return found


def _merged_once(tokens: list[int], pair: _Pair, new: int) -> list[int]:
    place = list(pairwise(tokens)).index(pair)
    return [*tokens[:place], new, *tokens[place + 2 :]]


def _merged_from_right(tokens: list[int], pair: _Pair, new: int) -> list[int]:
    return _merged(tokens[::-1], (pair[1], pair[0]), new)[::-1]


def _most_frequent(counts: Counter[_Pair]) -> _Pair:
    return min(counts, key=lambda pair: (-counts[pair], pair))


def _altered(
    *,
    chosen: Callable[[Counter[_Pair]], _Pair] = _most_frequent,
    merged: Callable[[list[int], _Pair, int], list[int]] = _merged,
    recounted: bool = True,
    numbered: Callable[[int, int], int] = lambda vocabulary, step: vocabulary + step,
) -> Function:
    """Return the merges with one part replaced; with none replaced they are the reference."""

    def merges(tokens: Tensor, vocabulary: int, num_merges: int) -> tuple[Tensor, Tensor]:
        text, found = tokens.tolist(), []
        counts = _all_pairs(text)
        for step in range(num_merges):
            pair = chosen(counts)
            found.append(pair)
            after = merged(text, pair, numbered(vocabulary, step)) if pair in pairwise(text) else []
            text = after or text
            if recounted:
                counts = _all_pairs(text)
            else:
                del counts[pair]
        return torch.tensor(found), torch.tensor(text)

    return merges


_reference = _altered()
_with = partial(change_arguments, _reference, _ARGUMENTS)

_VARIANTS: dict[str, Function] = {
    "of equally frequent pairs the largest is merged, not the smallest": _altered(
        chosen=lambda counts: max(counts, key=lambda pair: (counts[pair], pair))
    ),
    "of equally frequent pairs the first in the text is merged, not the smallest": _altered(
        chosen=lambda counts: max(counts, key=counts.__getitem__)
    ),
    "the rarest pair is merged, not the most frequent": _altered(
        chosen=lambda counts: min(counts, key=lambda pair: (counts[pair], pair))
    ),
    "the pairs are not counted again after a merge": _altered(recounted=False),
    "only the first occurrence of the pair is replaced": _altered(merged=_merged_once),
    "the pairs are replaced from right to left": _altered(merged=_merged_from_right),
    "all merges get the same new token": _altered(numbered=lambda vocabulary, step: vocabulary),
    "the new tokens begin one too high": _altered(
        numbered=lambda vocabulary, step: vocabulary + step + 1
    ),
    "one merge is missing": _with(num_merges=lambda merges: merges - 1),
}


def _sizes(rng: random.Random) -> Sizes:
    return {
        "length": rng.randint(24, 40),
        "vocabulary": rng.randint(2, 4),
        "num_merges": rng.randint(2, 4),
    }


def _draw(sizes: Sizes, generator: torch.Generator) -> dict[str, Tensor]:
    length, vocabulary = sizes["length"], sizes["vocabulary"]
    return {"tokens": torch.randint(vocabulary, (length,), generator=generator)}


BYTE_PAIR_MERGES = Task(
    name="byte_pair_merges",
    arguments=_ARGUMENTS,
    outputs=("merges", "tokens'"),
    reference=_reference,
    draw=_draw,
    sizes=_sizes,
    special=(
        {"length": 30, "vocabulary": 3, "num_merges": 3},
        {"length": 24, "vocabulary": 2, "num_merges": 2},
    ),
    variants=_VARIANTS,
    differentiable=False,
)
"""The training of byte-pair encoding on one text, with ties resolved by the smaller pair."""
