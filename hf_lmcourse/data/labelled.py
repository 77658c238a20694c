"""Texts with labels, by name or path: a local folder, the Hub, or made here."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import LmcourseError, nearest, short
from .labelled_tables import read_labelled_tables
from .labelled_texts import LabelledTexts, with_validation
from .local_files import corpora_folder, user_path
from .table_files import read_columns, table_from_hub
from .text_files import SPLITS, read_text
from .toy_reviews import toy_reviews

_SENTIMENT = ("negative", "positive")


@dataclass(frozen=True)
class LabelledCorpus:
    """Labelled texts in splits.

    Attributes:
        name: As given, or the name of the file or folder.
        source: "embedded", "local" or "Hub" and the id there; fit to be published.
        label_names: The classes.
        splits: The texts of "train", "validation" and, if there is one, "test".
    """

    name: str
    source: str
    label_names: tuple[str, ...]
    splits: dict[str, LabelledTexts]


@dataclass(frozen=True)
class _Known:
    """A named corpus.

    Attributes:
        folder: Its place in the folder of local corpora.
        hub: Its id on the Hub.
        column: The column of its texts there.
        read: Its splits from the local folder.
        in_groups: Rows that belong together, such as reviews of one film, are neighbours.
    """

    folder: str
    hub: str
    column: str
    read: Callable[[Path], dict[str, LabelledTexts]]
    in_groups: bool = False


def _imdb(folder: Path) -> dict[str, LabelledTexts]:
    parts = {}
    for split in ("train", "test"):
        file = folder / f"{split}.parquet"
        texts, labels = read_columns(file, ("text", "label"))
        parts[split] = _numbered(texts, labels, str(file))
    return parts


def _sst2(folder: Path) -> dict[str, LabelledTexts]:
    parts = {}
    for split in SPLITS:
        lines = read_text(folder / f"{split}.tsv.gz").splitlines()
        texts, labels = zip(*(line.rsplit("\t", 1) for line in lines), strict=True)
        parts[split] = LabelledTexts(list(texts), [int(label) for label in labels])
    return parts


def _rotten_tomatoes(folder: Path) -> dict[str, LabelledTexts]:
    """Of each file the lines that the Hub's splits take of it."""
    parts = {split: LabelledTexts([], []) for split in SPLITS}
    borders = {"train": (0, 4_265), "validation": (4_265, 4_798), "test": (4_798, 5_331)}
    for label, kind in ((1, "pos"), (0, "neg")):
        lines = read_text(folder / f"rt-polarity.{kind}.txt").splitlines()
        for split, (first, last) in borders.items():
            parts[split].texts.extend(lines[first:last])
            parts[split].labels.extend([label] * (last - first))
    return parts


LABELLED_CORPORA = {
    "imdb": _Known("imdb", "stanfordnlp/imdb", "text", _imdb, in_groups=True),
    "sst2": _Known("sst2", "stanfordnlp/sst2", "sentence", _sst2),
    "rotten_tomatoes": _Known(
        "rotten_tomatoes", "cornell-movie-review-data/rotten_tomatoes", "text", _rotten_tomatoes
    ),
}
"""The named corpora besides `toy_reviews`, which is made here."""


def load_labelled_corpus(
    name_or_path: str,
    data_dir: str | Path | None = None,
    *,
    text_column: str = "text",
    label_column: str = "label",
    classes: Sequence[str] | None = None,
    validation_share: float = 0.1,
    seed: int = 42,
) -> LabelledCorpus:
    """A corpus of labelled texts by name, or a table of the user's.

    A table is a CSV, TSV, JSON, JSON lines or parquet file; a folder holds train, validation and
    test tables. Each distinct label of the training table is a class of that name.

    Without a validation split one is drawn from the training texts (they may be sorted by label),
    always the same for a seed. Of IMDB it is ten runs of neighbours of each class instead: test
    reviews are of films that no training review is about, and reviews of a film are neighbours, so
    that a random draw would overestimate the test accuracy by about two percent.

    Args:
        name_or_path: "toy_reviews", a key of `LABELLED_CORPORA`, or a path.
        data_dir: Folder of local corpora; the environment's LMCOURSE_DATA by default.
        text_column: Of a user's table.
        label_column: Of a user's table; its cells are the names of the classes.
        classes: Of a user's table that a model classifies, the names that the model knows.
        validation_share: Share of the training texts that is held out.
        seed: Of that draw.

    Raises:
        LmcourseError: An unknown name (with the nearest), a table that cannot be read as it is, or
            a label that is not a class.
    """
    if not 0 < validation_share < 1:
        raise LmcourseError(f"validation_share must lie between 0 and 1, not {validation_share}")
    path, known = user_path(name_or_path), LABELLED_CORPORA.get(name_or_path)
    names: tuple[str, ...] = _SENTIMENT
    source = "local"
    if name_or_path == "toy_reviews":
        splits = {split: LabelledTexts(*toy_reviews(split)) for split in SPLITS}
        source = "embedded"
    elif known is not None:
        splits, source = _known(known, data_dir)
    elif os.path.exists(path):  # False, unlike Path.exists(), for a name that cannot be one
        name_or_path = _name_of(path)
        splits, names = read_labelled_tables(path, text_column, label_column, classes)
    else:
        corpora = ["toy_reviews", *LABELLED_CORPORA]
        close = nearest(name_or_path.lower(), corpora)
        hint = f"did you mean {close!r}? " if close else ""
        raise LmcourseError(
            f"there is no file and no labelled corpus {short(repr(name_or_path))}: {hint}corpora "
            f"are {', '.join(corpora)}"
        )
    in_groups = known is not None and known.in_groups
    splits = with_validation(splits, validation_share, None if in_groups else seed)
    return LabelledCorpus(name_or_path, source, names, splits)


def whole_table(
    path: Path, text_column: str, label_column: str, classes: Sequence[str]
) -> LabelledCorpus:
    """A table of the user's that is not cut: its one split is "whole table".

    Args:
        path: The table.
        text_column: Its column of texts.
        label_column: Its column of labels.
        classes: The names of the classes, as a model knows them.

    Raises:
        LmcourseError: As `load_labelled_corpus`.
    """
    splits, names = read_labelled_tables(path, text_column, label_column, classes)
    return LabelledCorpus(_name_of(path), "local", names, {"whole table": splits["train"]})


def _name_of(path: Path) -> str:
    return path.resolve().name.split(".")[0]


def _known(known: _Known, data_dir: str | Path | None) -> tuple[dict[str, LabelledTexts], str]:
    root = corpora_folder(data_dir)
    if root is not None and (root / known.folder).is_dir():
        return known.read(root / known.folder), "local"
    tables = table_from_hub(known.hub, f"put its files into {root or 'LMCOURSE_DATA'}")
    parts = {
        split: _numbered(table[known.column], table["label"], f"the {split} split of {known.hub}")
        for split, table in tables.items()
        if split in SPLITS and set(table["label"]) != {-1}  # a benchmark's secret test labels
    }
    return parts, f"Hub {known.hub}"


def _numbered(texts: list[str], labels: Sequence[int | str], where: str) -> LabelledTexts:
    """Texts of a known corpus, whose labels are the numbers of the classes."""
    numbers = {str(number): number for number in range(len(_SENTIMENT))}
    for row, label in enumerate(labels, start=1):
        if str(label) not in numbers:
            raise LmcourseError(f"row {row} of {where} has the label {label!r}, not 0 or 1")
    return LabelledTexts(texts, [numbers[str(label)] for label in labels])


def check_classes(corpus: LabelledCorpus) -> None:
    """Refuse to train on texts of one class, from which nothing can be learnt.

    Raises:
        LmcourseError: All training texts have the same label.
    """
    label, *others = set(corpus.splits["train"].labels)
    if not others:
        remedy = "name the column of the classes with --label_column"
        if len(corpus.label_names) > 1:
            remedy = "the others are in other splits; give more texts of each class"
        raise LmcourseError(
            f"all training texts of {corpus.name} have the label "
            f"{short(repr(corpus.label_names[label]))}, and a classifier needs two: {remedy}"
        )
