"""Blocks of random length: every token once, the law of the lengths, the same at each call."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hf_lmcourse import LmcourseError
from hf_lmcourse.data.random_blocks import RandomBlockStreams


def blocks(length: int, streams: int = 3, base: int = 12, **options: Any) -> RandomBlockStreams:
    tokens = np.arange(length) % 251
    return RandomBlockStreams(tokens.astype(np.uint16), streams, base, **options)


def predicted(data: RandomBlockStreams) -> list[tuple[int, int]]:
    """Every input and label, stream after stream."""
    rows: list[list[tuple[int, int]]] = [[] for _ in range(data.num_streams)]
    for index in range(len(data)):
        item = data[index]
        pairs = zip(item["input_ids"].tolist(), item["shift_labels"].tolist(), strict=True)
        rows[index % data.num_streams] += [pair for pair in pairs if pair[1] != -100]
    return [pair for row in rows for pair in row]


@settings(max_examples=40, deadline=None)
@given(
    length=st.integers(4, 700),
    streams=st.integers(1, 3),
    base=st.integers(10, 40),
    epoch=st.integers(0, 3),
    first=st.sampled_from([None, 7]),
)
def test_every_token_is_predicted_exactly_once(
    length: int, streams: int, base: int, epoch: int, first: int | None
) -> None:
    data = blocks(length, streams, base, first_context=first)
    data.set_epoch(epoch)
    assert data.borders[0] == 0 and (np.diff(data.borders) > 0).all()
    tokens = (np.arange(length) % 251).tolist()
    before = tokens[:-1] if first is None else [first, *tokens[:-1]]
    after = tokens[1:] if first is None else tokens
    assert predicted(data) == list(zip(before, after, strict=True))


def test_the_lengths_follow_the_law() -> None:
    data = blocks(400_000, streams=1, base=70, first_context=0)
    lengths = np.diff(data.borders)
    half = (lengths < 52).mean()
    assert half == pytest.approx(0.05, abs=0.015)
    long = lengths[lengths >= 52]
    assert long.mean() == pytest.approx(70, abs=0.7) and long.std() == pytest.approx(5, abs=0.3)


def test_each_epoch_has_other_lengths_and_as_many_blocks() -> None:
    data, again = blocks(5_000, first_context=0), blocks(5_000, first_context=0)
    seen, count = [], len(data)
    for epoch in (0, 1, 2):
        data.set_epoch(epoch)
        again.set_epoch(epoch)
        assert np.array_equal(data.borders, again.borders) and len(data) == count
        seen.append(tuple(data.borders))
    assert len(set(seen)) == 3
    assert tuple(blocks(5_000, first_context=0, seed=1).borders) not in seen


def test_several_items_at_once_are_the_single_ones_and_a_batch_has_one_length() -> None:
    data = blocks(500, first_context=0, random_offset=True)
    data.set_epoch(2)
    indices = [7, 8, 3, 0, 1, 2]
    for index, item in zip(indices, data.__getitems__(indices), strict=True):
        for name, row in data[index].items():
            assert torch.equal(item[name], row)
    assert len({len(item["input_ids"]) for item in data.__getitems__([3, 4, 5])}) == 1


def test_a_base_too_short_for_the_law_is_refused() -> None:
    with pytest.raises(LmcourseError, match="block_length of at least 10, not 9"):
        blocks(500, base=9)
