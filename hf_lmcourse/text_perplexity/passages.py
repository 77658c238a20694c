"""Passages from files, as they are and after declared preprocessing."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..data.hold_out import find_text_file
from ..data.text_files import read_text
from ..errors import LmcourseError
from .preprocessing import Preprocessing, changed_share

__all__ = ["Passage", "read_passages"]


@dataclass(frozen=True)
class Passage:
    """A text to be scored.

    Attributes:
        name: of the file, without its ending.
        text: the text, after the preprocessing.
        preprocessing: name of its chain; "raw" for none.
        changed: share of the raw characters that it changed; see `changed_share`.
    """

    name: str
    text: str = field(repr=False)
    preprocessing: str = "raw"
    changed: float = 0.0


def read_passages(
    names: Sequence[str], chains: Sequence[Preprocessing] = (), data_dir: str | None = None
) -> list[Passage]:
    """Passages from files, each raw and after every chain.

    Args:
        names: paths, or paths in the folder of local corpora.
        chains: what to do with them beside leaving them raw.
        data_dir: folder of local corpora.

    Raises:
        LmcourseError: a file is missing, or holds no word, or none is left after a chain.
    """
    paths = [find_text_file(name, data_dir) for name in names]
    stems = [Path(path.name.removesuffix(".gz")).stem for path in paths]
    passages = []
    for path, stem in zip(paths, stems, strict=True):
        name = stem if stems.count(stem) == 1 else str(path)
        raw = read_text(path)
        passages.append(Passage(name, raw))
        for chain in chains:
            text = chain.apply(raw)
            passages.append(Passage(name, text, chain.name, changed_share(raw, text)))
    for passage in passages:
        if not passage.text.strip():
            raise LmcourseError(
                f"{passage.name} ({passage.preprocessing}) holds nothing but white space"
            )
    return passages
