"""Documents that are held out of the training text, so that a model can be scored on them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from ..errors import LmcourseError
from .corpus import Corpus
from .local_files import data_file
from .text_files import read_text


def hold_out(corpus: Corpus, files: Sequence[str], data_dir: str | Path | None = None) -> Corpus:
    """A corpus without some documents in its training text.

    Each must occur there verbatim, apart from whitespace at its ends; every occurrence is removed.
    The other splits do not change.

    Args:
        corpus: A corpus.
        files: Text files of one document each; see `data_file`.
        data_dir: Folder of local corpora; the environment's LMCOURSE_DATA by default.

    Returns:
        A corpus whose training text raises `LmcourseError` at its end if it lacks a document.

    Raises:
        LmcourseError: A file is missing or has no text.
    """
    documents = {name: read_text(data_file(name, data_dir)).strip() for name in files}
    for name, document in documents.items():
        if not document:
            raise LmcourseError(f"hold_out: {name} has nothing but whitespace")

    def read(split: str) -> str | Iterable[str]:
        if split != "train":
            return corpus.read(split)
        pieces = corpus.pieces(split)
        for name, document in documents.items():
            pieces = _without(document, pieces, name, corpus.name)
        return pieces

    return replace(corpus, read=read, shards=None) if documents else corpus


def _without(document: str, pieces: Iterable[str], name: str, corpus: str) -> Iterator[str]:
    """Pass on a text without any occurrence of a document, from the first to the last."""
    found, rest, waiting = False, "", list[str]()
    for piece in pieces:
        waiting.append(piece)
        if sum(map(len, waiting)) < len(document):
            continue  # a long document is not looked for in each piece anew
        *parts, rest = "".join([rest, *waiting]).split(document)
        found = found or bool(parts)
        waiting.clear()
        yield from filter(None, parts)
        border = max(0, len(rest) - len(document) + 1)  # an occurrence may begin after it
        if border:
            yield rest[:border]
        rest = rest[border:]
    *parts, rest = "".join([rest, *waiting]).split(document)
    yield from filter(None, [*parts, rest])
    if not (found or parts):
        raise LmcourseError(
            f"hold_out: the text of {name} does not occur verbatim in the training text of "
            f"{corpus}, so there is nothing to hold out"
        )
