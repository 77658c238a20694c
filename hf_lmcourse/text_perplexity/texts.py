"""Texts from files, raw and after declared preprocessing."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..data.local_files import data_file
from ..data.text_files import read_text
from ..errors import LmcourseError
from .preprocessing import Preprocessing, changed_share


@dataclass(frozen=True)
class Text:
    """A text to be scored.

    Attributes:
        name: Name of the file, without its extension.
        content: The text after preprocessing.
        preprocessing: Name of the preprocessing chain; "raw" for none.
        changed: Share of the raw characters that it changed; see `changed_share`.
    """

    name: str
    content: str = field(repr=False)
    preprocessing: str = "raw"
    changed: float = 0.0

    @property
    def title(self) -> str:
        """Name, with the preprocessing in parentheses."""
        return self.name + ("" if self.preprocessing == "raw" else f" ({self.preprocessing})")


def read_texts(
    names: Sequence[str], chains: Sequence[Preprocessing] = (), data_dir: str | None = None
) -> list[Text]:
    """Read texts from files, each raw and after every chain.

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
        raw = read_text(path)
        texts.append(Text(name, raw))
        for chain in chains:
            changed = chain.apply(raw)
            texts.append(Text(name, changed, chain.name, changed_share(raw, changed)))
    for text in texts:
        if not text.content.strip():
            raise LmcourseError(f"{text.name} ({text.preprocessing}) contains only whitespace")
    return texts
