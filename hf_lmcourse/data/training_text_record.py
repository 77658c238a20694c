"""The record of which text a saved model was trained on."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..report.json_files import write_json

TRAINING_TEXT_FILE = "training_text.json"
"""Its name in a run folder."""


@dataclass(frozen=True)
class TrainingTextRecord:
    """What a model was trained on.

    Attributes:
        corpus: Name of the corpus, or path of the text.
        hold_out: Files whose text was held out of it.
    """

    corpus: str
    hold_out: tuple[str, ...] = ()


def write_record(folder: Path, corpus: str, hold_out: Sequence[str]) -> None:
    """Write the record into a run folder."""
    record = {"corpus": corpus, "hold_out": list(hold_out)}
    write_json(folder / TRAINING_TEXT_FILE, record)


def read_record(folder: Path) -> TrainingTextRecord | None:
    """The record of a run folder, or what its result file says; `None` without either."""
    for name in (TRAINING_TEXT_FILE, "result.json"):
        try:
            record = json.loads((folder / name).read_text(encoding="utf-8"))
            return TrainingTextRecord(str(record["corpus"]), tuple(record.get("hold_out", ())))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
    return None
