"""Shards of a data set on the Hub, streamed by `datasets`: no file is downloaded as a whole."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from ..errors import LmcourseError, short
from ..hub.fetch import fetch_dataset_builder
from ..hub.hub_errors import HubError, check_repository_name, hub_error
from .corpus import Corpus
from .hub_text import HubText
from .shards import ROWS, Shard, last_for_validation, lines_of_rows, with_line_break
from .text_files import SPLITS

HUB = "hf://datasets/"
"""What the name of a data set on the Hub begins with."""


@dataclass(frozen=True)
class HubShards:
    """The shards of a data set on the Hub, which is asked for them once.

    Attributes:
        source: Its place, and how a row becomes a line.
        remedy: What to do without a network, for the error.
    """

    source: HubText
    remedy: str

    @cached_property
    def _builder(self) -> Any:
        source = self.source
        return fetch_dataset_builder(
            source.repository,
            source.config,
            f"stream {source.repository} from the Hub",
            self.remedy,
            revision=source.revision,
        )

    @property
    def splits(self) -> tuple[str, ...]:
        """The names of all splits.

        Raises:
            HubError: The Hub does not say.
        """
        return tuple(map(str, self._builder.config.data_files or ()))

    def __call__(self, split: str) -> tuple[Shard, ...]:
        """The shards of a split, in their order.

        Raises:
            HubError: They are not available.
            LmcourseError: The rows have no text.
        """
        repository, files = self.source.repository, self._builder.config.data_files[split]
        rows = self._builder.as_streaming_dataset(split)
        column = self.source.column
        if rows.features is not None and column not in rows.features:
            raise LmcourseError(
                f"{repository} has no column {column!r}, only {short(', '.join(rows.features))}"
            )
        names = [str(file) for file in files]
        if len(names) != rows.num_shards:
            names = [f"{number} of {repository}" for number in range(rows.num_shards)]
        version = f"{self.source.config} {files.origin_metadata}"
        return tuple(
            Shard(name, f"{version} {split} {number}", partial(self._read, rows, number, name))
            for number, name in enumerate(names)
        )

    def _read(self, rows: Any, number: int, name: str) -> Iterator[str]:
        column, first = self.source.column, 1
        try:
            shard = rows.shard(rows.num_shards, number)
            for batch in shard.iter(ROWS):
                if column not in batch:
                    raise LmcourseError(f"{name} has no column {column!r}")
                yield lines_of_rows(batch[column], name, first, self.source.line)
                first += len(batch[column])
        except LmcourseError:
            raise
        except Exception as error:  # fsspec, pyarrow and the client raise many unrelated types
            file = f"{name.rpartition('/')[2]} of {self.source.repository}"
            reason = hub_error(error, f"read {file}", self.source.repository)
            raise HubError(f"{reason}; resume when it can be read again") from error


def hub_dataset(address: str) -> Corpus:
    """A data set on the Hub as a corpus, a line for each row of its column `text`.

    Without a validation split, the last shard of the training split is for validation.

    Args:
        address: `hf://datasets/owner/name`, then, if it has several configurations, `/` and one.

    Raises:
        HubError: There is no such data set, or it is not available.
        LmcourseError: It has no training split, or only one shard to train and validate on.
    """
    owner, _, rest = address.removeprefix(HUB).partition("/")
    name, _, config = rest.partition("/")
    repository = f"{owner}/{name}"
    check_repository_name(repository, needs_namespace=True)
    source = HubText(repository, with_line_break, config or None)
    shards = HubShards(source, "a local folder of shards works too")
    found = shards.splits
    if "train" not in found:
        raise LmcourseError(f"{repository} has no train split, only {short(', '.join(found))}")
    cut = {} if "validation" in found else last_for_validation(shards("train"), repository)
    splits = tuple(split for split in SPLITS if split in (*found, *cut))

    def by_split(split: str) -> Sequence[Shard]:
        return cut[split] if split in cut else shards(split)

    return Corpus.of_shards(name, f"Hub {repository}", splits, by_split)
