"""Corpora by name or path: from a local folder, the Hub, or Python itself."""

import random
import stat
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from glob import has_magic
from pathlib import Path

from ..errors import LmcourseError, nearest
from .columns import corpus_pieces
from .corpus import Corpus
from .embedded import cpython_docs
from .hub_shards import HUB, HubShards, hub_dataset
from .hub_text import PARQUET, HubText, hub_text
from .local_files import corpora_folder, file_mode, user_path
from .packed_files import Source, at_hand
from .shards import folder_shards, local_shard, pattern_shards
from .text_files import SPLITS, nine_tenths, split_files

_TINY_SHAKESPEARE_TRAIN = 1_003_854
"""Nine tenths of the characters, as nanoGPT cuts them."""


@dataclass(frozen=True)
class _Known:
    """A named corpus.

    Attributes:
        folder: Its place in the folder of local corpora.
        hub: Its place on the Hub.
        file: The file there that holds all splits; without one, each split has its own.
        cut: Makes the splits out of that file.
        splits: The splits there are.
        names: Of the files of splits, if they are not train, validation and test.
    """

    folder: str
    hub: HubText | None = None
    file: str | None = None
    cut: Callable[[str], dict[str, str]] | None = None
    splits: tuple[str, ...] = SPLITS
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def local_place(self) -> str:
        """Where a user has to put its files."""
        if self.file is not None:
            return f"{self.folder}/{self.file}"
        *first, last = (f"{self.names.get(split, split)}.txt" for split in self.splits)
        return f"{self.folder}/{', '.join(first)} and {last} (or .txt.gz)"

    def remedy(self, root: Path | None) -> str:
        """What to do if it is neither in the local folder nor available elsewhere."""
        if root is None:
            return (
                f"put {self.local_place} into a folder and name that folder with --data_dir or "
                "LMCOURSE_DATA"
            )
        return f"put {self.local_place} into {root}, which has no {self.folder}"


def _cut_tiny_shakespeare(text: str) -> dict[str, str]:
    return {
        "train": text[:_TINY_SHAKESPEARE_TRAIN],
        "validation": text[_TINY_SHAKESPEARE_TRAIN:],
    }


def _cut_names(text: str) -> dict[str, str]:
    """Shuffled with seed 42 and cut 80/10/10, as in Karpathy's lectures on makemore."""
    names = text.split()
    random.Random(42).shuffle(names)
    first, second = int(0.8 * len(names)), int(0.9 * len(names))
    parts = (names[:first], names[first:second], names[second:])
    texts = ("".join(f"{name}\n" for name in part) for part in parts)
    return dict(zip(SPLITS, texts, strict=True))


def _wikitext_line(row: str) -> str:
    """Empty lines, which have one space in the files, are empty rows."""
    return (row.rstrip("\n") or " ") + "\n"


def _ptb_line(row: str) -> str:
    """The rows have lost the spaces at both ends of each line."""
    return f" {row.strip()} \n"


def _wikitext(config: str) -> HubText:
    return HubText("Salesforce/wikitext", _wikitext_line, config)


CORPORA = {
    "tiny_shakespeare": _Known(
        "tiny_shakespeare",
        HubText("karpathy/tiny_shakespeare", str, revision=PARQUET),
        "input.txt",
        _cut_tiny_shakespeare,
        SPLITS[:2],
    ),
    "names": _Known("makemore", None, "names.txt", _cut_names),
    "wikitext-2": _Known("wikitext-2", _wikitext("wikitext-2-v1")),
    "wikitext-103": _Known("wikitext-103", _wikitext("wikitext-103-v1")),
    "ptb": _Known(
        "ptb",
        HubText("ptb-text-only/ptb_text_only", _ptb_line, column="sentence", revision=PARQUET),
    ),
    "tau-lm": _Known(
        "tau-lm",
        names={"train": "ptb-train", "validation": "ptb-dev", "test": "ptb-test"},
    ),
    # The course assignment's training text is hard to get: train on its test text.
    "tau-lm-swapped": _Known(
        "tau-lm", splits=SPLITS[:2], names={"train": "ptb-test", "validation": "ptb-dev"}
    ),
}
"""The named corpora besides `cpython-docs`, which is embedded in Python."""


def load_corpus(name_or_path: str, data_dir: str | Path | None = None) -> Corpus:
    """A corpus by name, or a text file or folder of the user's.

    A named corpus is looked for in the local folder and then on the Hub, and is the same text from
    either. A folder of the user's has train.txt, validation.txt and test.txt, or those with .gz;
    a file is cut at a line border into nine tenths for training and the rest for validation, and so
    is what comes out of a pipe. A file that begins with `-DOCSTART-` is one of words and tags in
    columns; see `sentences_of_columns`. A folder may also have shards; see `folder_shards`, and
    `pattern_shards` for a pattern of files, and `hub_dataset` for any data set of the Hub.

    Args:
        name_or_path: "cpython-docs", a key of `CORPORA`, a path, a pattern of paths, or an address
            of the Hub that begins with `hf://datasets/`.
        data_dir: Folder of local corpora; the environment's LMCOURSE_DATA by default.

    Returns:
        The corpus; its text is read when it is asked for.

    Raises:
        LmcourseError: An unknown name (with the nearest), or files that are missing.
    """
    if name_or_path == "cpython-docs":
        return Corpus(name_or_path, "embedded", SPLITS[:2], cpython_docs)
    if name_or_path in CORPORA:
        known, root = CORPORA[name_or_path], corpora_folder(data_dir)
        if root is not None and (root / known.folder).is_dir():
            return _local(name_or_path, known, root)
        return _from_hub(name_or_path, known, root)
    if name_or_path.startswith(HUB):
        return hub_dataset(name_or_path)
    path = user_path(name_or_path)
    mode = file_mode(path)
    if stat.S_ISDIR(mode):
        return _user_folder(path)
    if stat.S_ISREG(mode) or stat.S_ISFIFO(mode):
        return _cut_file(at_hand(path))
    if mode:
        raise LmcourseError(f"{path} is neither a text file nor a folder nor a pipe")
    if has_magic(str(path)):
        shards = pattern_shards(str(path))
        name = path.parent.name or path.name
        return Corpus.of_shards(name, "local", tuple(shards), shards.__getitem__)
    names = ["cpython-docs", *CORPORA]
    close = nearest(name_or_path.lower(), names)
    hint = f"did you mean {close!r}? " if close else ""
    raise LmcourseError(
        f"there is no file and no corpus {name_or_path[:80]!r}: {hint}corpora are "
        f"{', '.join(names)}"
    )


def _local(name: str, known: _Known, root: Path) -> Corpus:
    folder = root / known.folder
    if known.file is not None and known.cut is not None:
        file, cut = folder / known.file, known.cut
        if not file.is_file():
            raise LmcourseError(f"corpus {name} needs the file {file}")
        return Corpus(name, "local", known.splits, lambda s: cut("".join(corpus_pieces(file)))[s])
    files = split_files(folder, {split: known.names.get(split, split) for split in known.splits})
    if not _usable(files):
        raise LmcourseError(f"corpus {name} needs {known.local_place} in the folder {root}")
    return _of_files(name, files)


def _of_files(name: str, files: Mapping[str, Path]) -> Corpus:
    """A corpus of a file per split, each of which is also a shard."""
    return Corpus(
        name,
        "local",
        tuple(files),
        lambda split: corpus_pieces(files[split]),
        lambda split: (local_shard(files[split]),),
    )


def _from_hub(name: str, known: _Known, root: Path | None) -> Corpus:
    remedy, hub, cut = known.remedy(root), known.hub, known.cut
    if hub is None:
        raise LmcourseError(f"corpus {name} is not on the Hub: {remedy}")

    def read(split: str) -> str | Iterable[str]:
        if cut is None:
            return hub_text(name, hub, split, remedy)
        return cut("".join(hub_text(name, hub, "+".join(SPLITS), remedy)))[split]

    shards = None if cut else HubShards(hub, remedy)
    return Corpus(name, f"Hub {hub.repository}", known.splits, read, shards)


def _usable(files: dict[str, Path]) -> bool:
    """Whoever trains must validate; to evaluate, one split of any name will do."""
    return bool(files) and ("train" not in files or "validation" in files)


def _user_folder(folder: Path) -> Corpus:
    files, name = split_files(folder), folder.resolve().name
    if "train" not in files and {"train", "validation"} <= (shards := folder_shards(folder)).keys():
        return Corpus.of_shards(name, "local", tuple(shards), shards.__getitem__)
    if not _usable(files):
        raise LmcourseError(
            f"folder {folder} needs train.txt and validation.txt, or those with .gz, or shards "
            "that begin with these words; test.txt alone will do to evaluate on"
        )
    return _of_files(name, files)


def user_file(name_or_path: str) -> Path | None:
    """The file or pipe that `load_corpus` would cut; `None` for a named corpus or a folder."""
    path = user_path(name_or_path)
    named = name_or_path == "cpython-docs" or name_or_path in CORPORA
    mode = file_mode(path)
    return path if (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)) and not named else None


def whole_file(path: Path) -> Corpus:
    """A text file of the user's that is not cut: its one split is "whole text"."""
    file = at_hand(path)
    return Corpus(_name_of(path), "local", ("whole text",), lambda split: corpus_pieces(file))


def _name_of(path: Source) -> str:
    return Path(path.name.removesuffix(".gz")).stem


def _cut_file(path: Source) -> Corpus:
    read = nine_tenths(lambda: corpus_pieces(path), str(path))
    return Corpus(_name_of(path), "local", SPLITS[:2], read)
