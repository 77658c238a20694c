"""A text in splits, which is read in pieces."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain

from tqdm.auto import tqdm

from ..errors import LmcourseError
from ..tokenization.pieces import pieces_of
from .shards import Shard


@dataclass(frozen=True)
class Corpus:
    """A text in splits.

    Attributes:
        name: As given, or the name of the file or folder.
        source: "embedded", "local" or "Hub" and the id there; fit to be published.
        splits: Which of "train", "validation" and "test" there are.
        read: From a split to its text, whole or in pieces that are cut anywhere.
        shards: From a split to the shards that its text is made of; `None` if it is not.
    """

    name: str
    source: str
    splits: tuple[str, ...]
    read: Callable[[str], str | Iterable[str]] = field(repr=False)
    shards: Callable[[str], Sequence[Shard]] | None = field(default=None, repr=False)
    _seen: dict[str, tuple[str, int]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @classmethod
    def of_shards(
        cls,
        name: str,
        source: str,
        splits: tuple[str, ...],
        shards: Callable[[str], Sequence[Shard]],
    ) -> "Corpus":
        """A corpus whose text is that of shards, one after the other; see the attributes."""

        def read(split: str) -> Iterable[str]:
            return chain.from_iterable(shard.pieces() for shard in shards(split))

        return cls(name, source, splits, read, shards)

    def text(self, split: str) -> str:
        """The text of a split, read again at each call.

        Raises:
            LmcourseError: There is no such split, or its text cannot be read or is empty.
        """
        return "".join(self.pieces(split))

    def pieces(self, split: str) -> Iterator[str]:
        """The text of a split in pieces that are cut anywhere, read again at each call.

        A terminal shows how far it is read, if that takes a second or more.

        Raises:
            LmcourseError: As `text`, when it comes to it.
        """
        if split not in self.splits:
            raise LmcourseError(
                f"corpus {self.name} has no {split} split, only {', '.join(self.splits)}"
            )
        text = self.read(split)
        digest, length = hashlib.sha256(), 0
        with tqdm(
            desc=f"reading {split}",
            total=self._seen.get(split, (None, None))[1],
            unit=" characters",
            unit_scale=True,
            delay=1,
            leave=False,
            disable=None,
        ) as bar:
            for piece in pieces_of(text) if isinstance(text, str) else text:
                digest.update(piece.encode())
                length += len(piece)
                yield piece
                bar.update(len(piece))
        if not length:
            raise LmcourseError(f"the {split} text of {self.name} is empty")
        self._seen[split] = digest.hexdigest(), length

    def digest(self, split: str) -> str:
        """A hash of the text of a split, as it was when it was last read to its end.

        Raises:
            LmcourseError: As `text`.
        """
        if split not in self._seen:
            for _ in self.pieces(split):
                pass
        return self._seen[split][0]
