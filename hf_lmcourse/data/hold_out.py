"""Passages that are kept out of the training text, so that a model can be tried on them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..errors import LmcourseError
from .corpora import Corpus, corpora_folder
from .text_files import read_text

__all__ = ["find_text_file", "hold_out"]


def find_text_file(name: str, data_dir: str | Path | None = None) -> Path:
    """A text file by its path, or by its path in the folder of local corpora.

    Args:
        name: such as "passage.txt", or "tau-lm/shakespeare_for_perplexity.txt".
        data_dir: folder of local corpora; the environment's LMCOURSE_DATA by default.

    Raises:
        LmcourseError: it is in neither place.
    """
    path = Path(name).expanduser()
    if path.is_file():
        return path
    root = corpora_folder(data_dir)
    if root is not None and (root / name).is_file():
        return root / name
    place = "" if root is None else f" nor in {root}"
    remedy = "" if root is not None else " (--data_dir or LMCOURSE_DATA names a folder of corpora)"
    raise LmcourseError(f"there is no text file {name!r} here{place}{remedy}")


def hold_out(corpus: Corpus, files: Sequence[str], data_dir: str | Path | None = None) -> Corpus:
    """A corpus without some passages in its training text.

    Each passage must stand there verbatim; white space at its ends makes no difference. It is taken
    out wherever it stands, and nothing is put in its place. The other splits stay as they are.

    Args:
        corpus: a corpus.
        files: text files that hold one passage each; see `find_text_file`.
        data_dir: folder of local corpora; the environment's LMCOURSE_DATA by default.

    Returns:
        A corpus whose training text, as it is read, raises `LmcourseError` where a passage is not
        in it.

    Raises:
        LmcourseError: a file is missing or holds no text.
    """
    passages = {name: read_text(find_text_file(name, data_dir)).strip() for name in files}
    for name, passage in passages.items():
        if not passage:
            raise LmcourseError(f"hold_out: {name} holds nothing but white space")

    def read(split: str) -> str:
        text = corpus.read(split)
        return _without(text, passages, corpus.name) if split == "train" else text

    return replace(corpus, read=read) if passages else corpus


def _without(text: str, passages: dict[str, str], corpus: str) -> str:
    for name, passage in passages.items():
        if passage not in text:
            raise LmcourseError(
                f"hold_out: the text of {name} does not stand verbatim in the training text of "
                f"{corpus}, so there is nothing to take out"
            )
        text = text.replace(passage, "")
    return text
