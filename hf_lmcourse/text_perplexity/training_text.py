"""Overlap of a text with the training text of a model."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from pathlib import Path

from ..data.corpora import Corpus, load_corpus, user_file, whole_file
from ..data.hold_out import hold_out
from ..data.hub_shards import HUB
from ..data.text_files import nine_tenths
from ..data.training_text_record import TrainingTextRecord, read_record, text_hashes
from ..errors import LmcourseError
from ..tokenization.pieces import pieces_of, whole_words

_WINDOW = 50
"""Characters: long enough that two windows hardly ever agree by chance."""

_PART = 1 << 20
"""Characters of a text whose windows are looked up in one go."""

_WORD = re.compile(r"\w+(?:['\u2019]\w+)*")


Read = Callable[[], Iterable[str]]
"""Returns a text in pieces that are cut anywhere, again at each call."""


@dataclass(frozen=True)
class Overlap:
    """Overlap of a text with a training text.

    Attributes:
        source: Name of the training text.
        verbatim: The whole text occurs in it, up to whitespace.
        windows: Share of the text's windows of 50 characters that occur in it.
        words: Share of its running words that occur in it, in upper or lower case.
    """

    source: str
    verbatim: bool
    windows: float
    words: float


class TrainingText:
    """A training text to look up other texts in.

    Args:
        source: Name for users.
        text: The text.
    """

    def __init__(self, source: str, text: str) -> None:
        self.source = source
        self._text = _one_line(text)

    def overlap(self, text: str | Read) -> Overlap:
        """Measure how much of a text occurs in this one, up to whitespace.

        It takes the memory of this text at most, however long the other one is.

        Args:
            text: The text, or what returns it in pieces that are cut anywhere.
        """
        parts, held, length = _parts_of_line(_pieces(text)), list[str](), 0
        for part in parts:
            held.append(part)
            length += len(part)
            if length > len(self._text):
                break
        verbatim = length <= len(self._text) and "".join(held) in self._text
        windows, words = _Share(), _Share()
        size, end = min(_WINDOW, length), ""
        for part in chain(held, parts):
            words.add(word.lower() in self._words for word in _WORD.findall(part))
            if not verbatim:
                end += part
                found = [end[i : i + size] for i in range(len(end) - size + 1)]
                shared = self._found(set(found), size)
                windows.add(window in shared for window in found)
                end = end[len(found) :]
        return Overlap(self.source, verbatim, 1.0 if verbatim else windows.share, words.share)

    def _found(self, wanted: set[str], size: int) -> set[str]:
        text = self._text
        return {s for i in range(len(text) - size + 1) if (s := text[i : i + size]) in wanted}

    @property
    def sha256(self) -> str:
        """See `text_hashes`."""
        return text_hashes([self._text])[0]

    @cached_property
    def _words(self) -> set[str]:
        return {word.lower() for word in _WORD.findall(self._text)}


def given_training_text(
    name_or_path: str, held_out: Sequence[str] = (), data_dir: str | Path | None = None
) -> TrainingText:
    """Load the training text that a user names.

    Args:
        name_or_path: A named corpus or a folder, for its training split, or a text file as a whole.
        held_out: Files of texts that were taken out; see `hold_out`.
        data_dir: Folder of local corpora.

    Raises:
        LmcourseError: It does not exist, or a text to take out is not in it.
    """
    if (path := user_file(name_or_path)) is not None:  # a file whole, not nine tenths of it
        corpus = replace(whole_file(path), splits=("train",))
    else:
        corpus = load_corpus(name_or_path, data_dir)
    return _training_text(corpus, held_out, data_dir)


class HashedTrainingText:
    """A training text that is not here, of which a run folder records the hash.

    Args:
        record: With a hash.
    """

    def __init__(self, record: TrainingTextRecord) -> None:
        self._record = record
        self._source = _title(Path(record.corpus).stem, record.hold_out)

    def overlap(self, text: str | Read) -> Overlap | None:
        """Recognise the training text as a whole, or the file that it was cut from.

        Args:
            text: The text, or what returns it in pieces that are cut anywhere.

        Returns:
            `None` for any other text, which may be a part of the training text or not.
        """
        (digest,) = text_hashes(_pieces(text))
        if digest == self._record.sha256:
            return Overlap(self._source, True, 1.0, 1.0)
        if digest == self._record.whole_sha256:
            train = "".join(nine_tenths(lambda: _pieces(text), self._source)("train"))
            return TrainingText(self._source, train).overlap(text)
        return None


def recorded_training_text(
    folder: str | Path, data_dir: str | Path | None = None
) -> TrainingText | HashedTrainingText | None:
    """Load the training text that a run folder records, if that needs no network.

    Returns:
        Its hash alone if the text is not here, or is no longer that of the training; `None` if
        nothing is recorded.
    """
    record = read_record(Path(folder))
    if record is None or Path(record.corpus).is_fifo():  # a pipe has another text by now
        return None
    hashed = HashedTrainingText(record) if record.sha256 else None
    if record.corpus.startswith(HUB):
        return hashed
    try:
        corpus = load_corpus(record.corpus, data_dir)
        if corpus.source not in ("embedded", "local") or _in_several_shards(corpus):
            return hashed  # it needs the network, or may be larger than the memory
        text = _training_text(corpus, record.hold_out, data_dir)
    except LmcourseError:
        return hashed
    return text if hashed is None or text.sha256 == record.sha256 else hashed


def _in_several_shards(corpus: Corpus) -> bool:
    return corpus.shards is not None and len(corpus.shards("train")) > 1


def _training_text(
    corpus: Corpus, held_out: Sequence[str], data_dir: str | Path | None
) -> TrainingText:
    text = hold_out(corpus, held_out, data_dir).text("train")
    return TrainingText(_title(corpus.name, held_out), text)


def _title(name: str, held_out: Sequence[str]) -> str:
    without = f" without {', '.join(Path(name).stem for name in held_out)}" if held_out else ""
    return name + without


def _pieces(text: str | Read) -> Iterator[str]:
    return pieces_of(text) if isinstance(text, str) else iter(text())


class _Share:
    """The share of what is so among what was looked at."""

    def __init__(self) -> None:
        self._found = self._all = 0

    def add(self, found: Iterable[bool]) -> None:
        for yes in found:
            self._found += yes
            self._all += 1

    @property
    def share(self) -> float:
        return self._found / max(1, self._all)


def _parts_of_line(pieces: Iterable[str]) -> Iterator[str]:
    """A text with one space for each run of whitespace, in parts of whole words."""
    words, length, first = list[str](), 0, True
    for piece in whole_words(pieces):
        words += piece.split()
        length += len(piece)
        if length >= _PART and words:
            yield " " * (not first) + " ".join(words)
            words, length, first = [], 0, False
    if words:
        yield " " * (not first) + " ".join(words)


def _one_line(text: str) -> str:
    return " ".join(text.split())
