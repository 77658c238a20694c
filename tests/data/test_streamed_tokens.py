"""Tokens that are streamed from shards are those of the whole text, and read where they are."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from hf_lmcourse import LmcourseError
from hf_lmcourse.data.random_blocks import RandomBlockStreams
from hf_lmcourse.data.shards import Shard
from hf_lmcourse.data.streamed_tokens import StreamedTokens, TokenCounts
from hf_lmcourse.data.streams import ContiguousStreams

PART = 7
"""Tokens that are read in one go."""


class Opened(list[int]):
    """The numbers of the shards that were opened, one for each time."""


def encode(pieces: Iterable[str]) -> Iterator[NDArray[np.integer]]:
    for piece in pieces:
        yield np.frombuffer(piece.encode(), np.uint8).astype(np.uint16)


def streamed(lengths: list[int], opened: Opened | None = None) -> StreamedTokens:
    """Tokens that differ from their neighbours, in shards of these lengths."""
    text = "".join(chr(33 + n * n % 89) for n in range(sum(lengths)))
    borders = np.cumsum([0, *lengths])

    def shard(number: int) -> Shard:
        part = text[borders[number] : borders[number + 1]]

        def read() -> Iterator[str]:
            if opened is not None:
                opened.append(number)
            return (part[start : start + PART] for start in range(0, len(part), PART))

        one = Shard(f"shard {number}", "", read)
        object.__setattr__(one, "pieces", read)  # these texts have no lines
        return one

    ids = np.bincount(np.frombuffer(text.encode(), np.uint8), minlength=128).tolist()
    shards = [shard(number) for number in range(len(lengths))]
    sections = [[length] if length else [] for length in lengths]
    return StreamedTokens(shards, TokenCounts(sections, ids, "ab" * 32, ""), encode)


def whole(tokens: StreamedTokens) -> NDArray[np.integer]:
    return tokens[np.arange(len(tokens))[None]][0]


def assert_same_epochs(streams: ContiguousStreams, expected: ContiguousStreams) -> None:
    rows = streams.num_streams
    assert len(streams) == len(expected)
    assert streams.num_predicted == expected.num_predicted
    for epoch in range(3):
        streams.set_epoch(epoch)
        expected.set_epoch(epoch)
        for start in range(0, len(streams), rows):
            indices = range(start, start + rows)
            for item, other in zip(
                streams.__getitems__(indices), expected.__getitems__(indices), strict=True
            ):
                assert all(torch.equal(item[name], other[name]) for name in other)


@given(
    lengths=st.lists(st.integers(0, 40), min_size=1, max_size=6),
    rows=st.integers(1, 5),
    block=st.integers(1, 12),
    options=st.fixed_dictionaries(
        {
            "first_context": st.sampled_from([None, 5]),
            "context_only": st.sampled_from([None, 33, 34, 37]),
            "random_offset": st.booleans(),
        }
    ),
)
def test_every_batch_is_that_of_the_whole_text_in_memory(
    lengths: list[int], rows: int, block: int, options: dict[str, Any]
) -> None:
    if sum(lengths) <= rows:
        return
    tokens = streamed(lengths)
    assert_same_epochs(
        ContiguousStreams(tokens, rows, block, **options),
        ContiguousStreams(whole(streamed(lengths)), rows, block, **options),
    )


def test_blocks_of_random_length_are_those_of_the_whole_text() -> None:
    lengths = [30, 0, 100, 55]
    assert_same_epochs(
        RandomBlockStreams(streamed(lengths), 3, 12, random_offset=True),
        RandomBlockStreams(whole(streamed(lengths)), 3, 12, random_offset=True),
    )


def test_any_other_order_of_blocks_gives_the_same_tokens() -> None:
    tokens = streamed([30, 20, 50])
    expected = whole(streamed([30, 20, 50]))
    positions = np.random.default_rng(0).integers(0, 90, (40, 3))[..., None] + np.arange(10)
    for rows in positions:
        np.testing.assert_array_equal(tokens[rows], expected[rows])


def test_in_an_epoch_each_stream_opens_its_own_shards_once() -> None:
    opened = Opened()
    streams = ContiguousStreams(streamed([50] * 8, opened), 4, 10, first_context=5)
    for start in range(0, len(streams), 4):
        streams.__getitems__(range(start, start + 4))
    # the first input of a stream is the last token of the shard before
    assert sorted(opened) == [0, 1, 1, 2, 3, 3, 4, 5, 5, 6, 7]


@pytest.mark.parametrize("process", [0, 1])
def test_processes_read_disjoint_shards(process: int) -> None:
    opened = Opened()
    streams = ContiguousStreams(streamed([50] * 8, opened), 4, 10)
    for start in range(2 * process, len(streams), 4):  # its batches, as accelerate deals them
        streams.__getitems__(range(start, start + 2))
    own = {4 * process + n for n in range(4)}
    following = (4 * process + 4) % 8  # its first token is the last target, or fills the last block
    assert own <= set(opened) <= own | {following}


def test_a_run_that_is_resumed_opens_no_earlier_shard() -> None:
    opened = Opened()
    streams = ContiguousStreams(streamed([50] * 8, opened), 1, 10)
    streams.__getitems__([31])
    assert opened == [6]


def test_a_reader_keeps_two_parts_of_a_shard_at_most() -> None:
    streams = ContiguousStreams(tokens := streamed([5_000]), 2, 3)
    for start in range(0, len(streams), 2):
        streams.__getitems__(range(start, start + 2))
        assert all(len(reader._window) <= 2 * PART + 3 for reader in tokens._readers)


@pytest.mark.parametrize("length", [19, 21, 40])
def test_a_shard_that_has_changed_since_it_was_counted_is_named(length: int) -> None:
    tokens = streamed([50, 20, 50])
    tokens._shards = streamed([50, length, 50])._shards
    with pytest.raises(LmcourseError, match="shard 1 has changed") as caught:
        whole(tokens)
    assert len(str(caught.value)) < 300
