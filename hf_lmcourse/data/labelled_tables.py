"""Tables of the user with a text and a label in each row, and the classes that they name."""

import re
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from ..errors import LmcourseError, reason, short
from .labelled_texts import LabelledTexts
from .table_files import read_columns, table_ending
from .text_files import SPLITS

_FEW_CLASSES, _MOST_CLASSES = 10, 10_000
"""So few classes may each have a single text, and so many are too many."""

_INTEGER = re.compile(r"-?\d+", re.ASCII)


def read_labelled_tables(
    path: Path, text_column: str, label_column: str, classes: Sequence[str] | None = None
) -> tuple[dict[str, LabelledTexts], tuple[str, ...]]:
    """The splits of a table, or of a folder of tables, and the names of their classes.

    A label is the text in its cell without the whitespace around it. The classes are the labels of
    the training table, in numerical order if all are integers, else in alphabetical order.

    Args:
        path: A table, which is all training texts, or a folder of train, validation and test
            tables.
        text_column: The column of the texts.
        label_column: The column of the labels.
        classes: The names of the classes, if they are known already, as those of a model.

    Raises:
        LmcourseError: A table that cannot be read, a label that is missing or is not one of the
            classes, or nearly as many labels as rows.
    """
    splits, labels = {}, {}
    files = _tables_of_splits(path)
    for split, file in files.items():
        splits[split], cells = read_columns(file, (text_column, label_column))
        labels[split] = [cell.strip() for cell in cells]
        if "" in labels[split]:
            row = labels[split].index("") + 1
            raise LmcourseError(f"row {row} of {file} has no {short(repr(label_column))}")
    names = tuple(classes or _class_names(labels["train"], files["train"], label_column))
    return {
        split: LabelledTexts(texts, _class_numbers(labels[split], names, files[split]))
        for split, texts in splits.items()
    }, names


def _tables_of_splits(path: Path) -> dict[str, Path]:
    if not path.is_dir():
        return {"train": path}
    try:
        found = sorted(path.iterdir())
    except OSError as error:
        raise LmcourseError(f"cannot read the folder {path}: {reason(error)}") from error
    files: dict[str, Path] = {}
    for file in found:
        split, ending = file.name.lower().split(".")[0], table_ending(file)
        if split not in SPLITS or ending is None or not file.is_file():
            continue
        if split in files:
            raise LmcourseError(
                f"folder {path} has two {split} tables, {files[split].name} and {file.name}: "
                "remove one of them"
            )
        files[split] = file
    if "train" not in files:
        raise LmcourseError(f"folder {path} has no train table, such as train.csv")
    return {split: files[split] for split in SPLITS if split in files}


def _class_names(labels: Sequence[str], file: Path, column: str) -> list[str]:
    names = set(labels)
    nearly_all_differ = 4 * len(names) > 3 * len(labels) and len(names) > _FEW_CLASSES
    if nearly_all_differ or len(names) > _MOST_CLASSES:
        raise LmcourseError(
            f"column {short(repr(column))} of {file} has {len(names):,} different labels in "
            f"{len(labels):,} rows, like an id or a text: name the column of the classes with "
            "--label_column"
        )
    if all(map(_INTEGER.fullmatch, names)):
        return sorted(names, key=lambda name: (Decimal(name), name))  # of any length
    return sorted(names)


def _class_numbers(labels: Sequence[str], names: Sequence[str], file: Path) -> list[int]:
    numbers = {name.strip(): number for number, name in enumerate(names)}
    for row, label in enumerate(labels, start=1):
        if label not in numbers:
            raise LmcourseError(
                f"row {row} of {file} has the label {short(repr(label))}, not one of "
                f"{short(', '.join(names))}: the classes are named as in the training table"
            )
    return [numbers[label] for label in labels]
