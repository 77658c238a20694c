"""Corpora from the Hub, assembled so that they equal the original files."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..hub.fetch import fetch_dataset

PARQUET = "refs/convert/parquet"
"""Branch of a data set's repository where the Hub keeps it as plain tables, for those that are
otherwise made by a script: `datasets` runs no scripts."""


@dataclass(frozen=True)
class HubText:
    """Where a corpus is on the Hub, and how a row becomes a line of the original file.

    Attributes:
        repository: Id of the data set.
        line: From a row to what it was in the file, line break included.
        config: The configuration, if there are several.
        column: The column of the text.
        revision: The branch.
    """

    repository: str
    line: Callable[[str], str]
    config: str | None = None
    column: str = "text"
    revision: str | None = None


_ROWS = 1000
"""Rows of a piece."""


def hub_text(name: str, source: HubText, split: str, remedy: str) -> Iterator[str]:
    """The text of a split in pieces, from the Hub or the cache of `datasets`.

    Args:
        name: Of the corpus, for the error.
        source: Its place on the Hub.
        split: As `datasets` writes it: "test", or "train+validation".
        remedy: What to do without a network, for the error.

    Raises:
        HubError: It is not available.
    """
    attempt = f"get corpus {name} from the Hub"
    rows = fetch_dataset(
        source.repository, source.config, attempt, remedy, split=split, revision=source.revision
    )
    for start in range(0, len(rows), _ROWS):
        yield "".join(map(source.line, rows[start : start + _ROWS][source.column]))
