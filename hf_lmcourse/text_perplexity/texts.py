"""Texts from files, raw and after declared preprocessing."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from ..data.corpus import Corpus
from ..data.encoding import TextCounts
from ..data.local_files import data_file
from ..data.packed_files import at_hand
from ..data.text_files import text_pieces
from ..errors import LmcourseError
from ..tokenization.pieces import pieces_of
from .preprocessing import Preprocessing, changed_share


@dataclass(frozen=True)
class TextFacts:
    """What there is to know of a text without keeping it.

    Attributes:
        characters: Its length in Unicode code points.
        bytes: Its length in UTF-8.
        sha256: A hash of it.
        blank: It is empty, or contains only whitespace.
    """

    characters: int
    bytes: int
    sha256: str
    blank: bool


@dataclass(frozen=True)
class Text:
    """A text to be scored.

    Attributes:
        name: Name of the file, without its extension.
        source: The text after preprocessing, or what returns it in pieces, again at each call.
        preprocessing: Name of the preprocessing chain; "raw" for none.
        changed: Share of the raw characters that it changed; see `changed_share`.
    """

    name: str
    source: str | Callable[[], Iterable[str]] = field(repr=False)
    preprocessing: str = "raw"
    changed: float = 0.0

    @property
    def title(self) -> str:
        """Name, with the preprocessing in parentheses."""
        return self.name + ("" if self.preprocessing == "raw" else f" ({self.preprocessing})")

    @property
    def content(self) -> str:
        """The text as a whole."""
        return "".join(self.pieces())

    def pieces(self) -> Iterable[str]:
        """The text in pieces that are cut anywhere, read again at each call.

        Raises:
            LmcourseError: The file cannot be read, or its text is no longer the same.
        """
        return pieces_of(self.source) if isinstance(self.source, str) else self.source()

    @cached_property
    def facts(self) -> TextFacts:
        """What there is to know of the text, after one reading."""
        counts, digest, blank = TextCounts(), hashlib.sha256(), True
        for piece in counts.of_text(self.pieces()):
            digest.update(piece.encode())
            blank = blank and not piece.strip()
        return TextFacts(counts.characters, counts.bytes, digest.hexdigest(), blank)


def read_texts(
    names: Sequence[str], chains: Sequence[Preprocessing] = (), data_dir: str | None = None
) -> list[Text]:
    """Find texts in files, each raw and after every chain.

    A raw text is read whenever it is asked for, so that it takes no memory; one that is
    preprocessed is kept.

    Args:
        names: Paths, or paths in the folder of local corpora.
        chains: Preprocessing chains.
        data_dir: Folder of local corpora.

    Raises:
        LmcourseError: A file is missing, or contains only whitespace, as it is or after a chain.
    """
    paths = [data_file(name, data_dir) for name in names]
    stems = [Path(path.name.removesuffix(".gz")).stem for path in paths]
    texts = []
    for path, stem in zip(paths, stems, strict=True):
        name = stem if stems.count(stem) == 1 else str(path)
        texts.append(Text(name, _reader(path)))
        if texts[-1].facts.blank:
            break
        raw = texts[-1].content if chains else ""
        for chain in chains:
            changed = chain.apply(raw)
            texts.append(Text(name, changed, chain.name, changed_share(raw, changed)))
    for text in texts:
        if text.facts.blank:
            raise LmcourseError(f"{text.name} ({text.preprocessing}) contains only whitespace")
    return texts


def _reader(path: Path) -> Callable[[], Iterable[str]]:
    """Read a file again at each call, as long as its text is the same."""
    file, split = at_hand(path), "text"
    corpus = Corpus(str(path), "local", (split,), lambda split: text_pieces(file))
    digest = None

    def read() -> Iterable[str]:
        nonlocal digest
        yield from corpus.pieces(split)
        digest = digest or corpus.digest(split)
        if corpus.digest(split) != digest:
            raise LmcourseError(f"{path} changed while it was scored: repeat the command")

    return read
