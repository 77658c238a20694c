"""The record of which text a saved model was trained on."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..report.json_files import write_json
from ..tokenization.pieces import whole_words

TRAINING_TEXT_FILE = "training_text.json"
"""Its name in a run folder."""


@dataclass(frozen=True)
class TrainingTextRecord:
    """What a model was trained on.

    Attributes:
        corpus: Name of the corpus, or path of the text.
        hold_out: Files whose text was held out of it.
        sha256: `text_hashes` of the training text; empty in records of earlier versions.
        whole_sha256: That of the file whose beginning the training text is; empty if it is another.
    """

    corpus: str
    hold_out: tuple[str, ...] = ()
    sha256: str = ""
    whole_sha256: str = ""


def text_hashes(*parts: Iterable[str]) -> list[str]:
    """Hash a text that grows part by part: the first, the first two together, and so on.

    It is the SHA-256 of the text with one space for each run of whitespace, in hexadecimal.

    Args:
        parts: Each in pieces that are cut anywhere; every part but the last ends in whitespace.
    """
    digest, hashes = hashlib.sha256(), []
    for pieces in parts:
        for _ in hashed_words(pieces, digest):
            pass
        hashes.append(digest.hexdigest())
    return hashes


def hashed_words(pieces: Iterable[str], digest: Any) -> Iterator[str]:
    """Pass on a text, in pieces that end in whitespace, and add it to the digest of `text_hashes`.

    Args:
        pieces: The text, cut anywhere.
        digest: Of hashlib.
    """
    for piece in whole_words(pieces):
        digest.update("".join(f"{word} " for word in piece.split()).encode())
        yield piece


def write_record(folder: Path, record: TrainingTextRecord) -> None:
    """Write the record into a run folder."""
    write_json(folder / TRAINING_TEXT_FILE, asdict(record))


def read_record(folder: Path) -> TrainingTextRecord | None:
    """The record of a run folder, or what its result file says; `None` without either."""
    for name in (TRAINING_TEXT_FILE, "result.json"):
        try:
            record = json.loads((folder / name).read_text(encoding="utf-8"))
            return TrainingTextRecord(
                str(record["corpus"]),
                tuple(map(str, record.get("hold_out", ()))),
                str(record.get("sha256", "")),
                str(record.get("whole_sha256", "")),
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            continue
    return None
