"""Token ids of a corpus in shards, which are read and tokenized when a step needs them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from ..errors import LmcourseError
from .lookup import Lookup
from .shards import Shard, sections


@dataclass(frozen=True)
class TokenCounts:
    """What a pass over all shards finds.

    Attributes:
        lengths: Tokens of each section of each shard; see `sections`.
        ids: How often each id occurs.
        tokens_sha256: Of the ids of all shards.
        text_sha256: See `text_hashes`.
    """

    lengths: list[list[int]]
    ids: list[int]
    tokens_sha256: str
    text_sha256: str


class StreamedTokens:
    """Token ids of a corpus that is never whole in memory or on disk.

    It is indexed as an array of them would be, by rows of positions. Each row of an index has a
    reader of its own, which goes on where the same row of the index before ended. So the rows of
    `ContiguousStreams` read their own parts of the shards, and each shard is read piece by piece.
    Any other index is as right, but begins again at the start of a section for each row.

    A position is a shard, a section and a number of tokens in it. Nothing of the readers has to be
    saved: a run that is resumed asks for other positions, and no earlier shard is opened.

    Args:
        shards: In the order of the text.
        counts: Of these shards.
        encode: From a text in pieces to its ids in parts.

    Shape:
        index: (rows, length), each row ascending by one except where it starts over, or repeats a
            position.
    """

    def __init__(
        self,
        shards: Sequence[Shard],
        counts: TokenCounts,
        encode: Lookup,
    ) -> None:
        self.counts = counts
        self._shards, self._encode = shards, encode
        self._borders = np.cumsum([0, *chain.from_iterable(counts.lengths)])
        self._places = [
            (shard, section)
            for shard, lengths in enumerate(counts.lengths)
            for section in range(len(lengths))
        ]
        self._readers: list[_Reader] = []

    def __len__(self) -> int:
        return int(self._borders[-1])

    def occurrences(self, token: int) -> int:
        """How often a token occurs."""
        return self.counts.ids[token]

    @property
    def contents(self) -> tuple[NDArray[np.integer], ...]:
        """What determines the tokens: see `dataset_hash`."""
        digest = bytes.fromhex(self.counts.tokens_sha256)
        return np.asarray([*map(sum, self.counts.lengths)]), np.frombuffer(digest, np.uint8)

    def __getitem__(self, positions: NDArray[np.int64]) -> NDArray[np.integer]:
        while len(self._readers) < len(positions):
            self._readers.append(_Reader(self))
        rows = zip(self._readers, positions, strict=False)
        return np.stack([reader.take(row) for reader, row in rows])

    def section_at(self, position: int) -> tuple[int, int]:
        """The number of the section that has a position, and the position of its first token."""
        number = int(np.searchsorted(self._borders[1:], position, side="right"))
        return number, int(self._borders[number])

    def parts_from(self, number: int) -> Iterator[NDArray[np.integer]]:
        """The ids from a section on, in parts.

        Raises:
            LmcourseError: A shard has other tokens than it had, or cannot be read.
        """
        first, begin = self._places[number]
        for shard, lengths in zip(self._shards[first:], self.counts.lengths[first:], strict=True):
            found = 0
            for section, pieces in sections(shard):
                found = section + 1
                if section >= begin:
                    length = lengths[section] if section < len(lengths) else 0
                    yield from self._section(shard, pieces, length)
            if found != len(lengths):
                raise _changed(shard)
            begin = 0

    def _section(
        self, shard: Shard, pieces: Iterator[str], length: int
    ) -> Iterator[NDArray[np.integer]]:
        found = 0
        for part in self._encode(pieces):
            found += len(part)
            if found > length:
                break
            yield part
        if found != length:
            raise _changed(shard)


def _changed(shard: Shard) -> LmcourseError:
    return LmcourseError(
        f"the shard {shard.name} has changed since its tokens were counted: train again, or "
        "restore it and resume"
    )


class _Reader:
    """A window of the tokens that moves forward."""

    def __init__(self, tokens: StreamedTokens) -> None:
        self._tokens = tokens
        self._parts: Iterator[NDArray[np.integer]] = iter(())
        self._begin, self._window = 0, np.zeros(0, np.int64)  # an empty one, before the text

    def take(self, positions: NDArray[np.int64]) -> NDArray[np.integer]:
        """The tokens at positions, which start over at most a few times."""
        if positions[-1] - positions[0] == len(positions) - 1:
            return self._read(int(positions[0]), int(positions[-1]) + 1)
        borders = np.flatnonzero(np.diff(positions) < 0) + 1
        runs = np.split(positions, borders)
        return np.concatenate([self._read(run[0], run[-1] + 1)[run - run[0]] for run in runs])

    def _read(self, start: int, stop: int) -> NDArray[np.integer]:
        if not self._begin <= start < self._begin + len(self._window):
            self._seek(start)
        while self._begin + len(self._window) < stop:
            # the token before the first one is its context, and is asked for again
            read = min(max(0, start - 1 - self._begin), len(self._window))
            self._begin += read
            self._window = np.concatenate([self._window[read:], next(self._parts)])
        return self._window[start - self._begin : stop - self._begin]

    def _seek(self, position: int) -> None:
        """Open the shard of a position at its section, unless reading on is as short."""
        number, first = self._tokens.section_at(position)
        end = self._begin + len(self._window)
        if position < self._begin or first > end or not len(self._window):
            self._parts = self._tokens.parts_from(number)
            self._begin, self._window = first, self._window[:0]
