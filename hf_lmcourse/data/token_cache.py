"""Tokenized text on disk, which is read only if it is what was written."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from ..cache_folder import make_cache_folder
from ..errors import LmcourseError, reason
from ..report.files import unfinished_file

_HASH = "sha256"


def from_cache(path: Path, write: Callable[[BinaryIO], dict[str, int]]) -> dict[str, int]:
    """Write a file of the cache, unless it is there and undamaged.

    Next to it is a JSON file of its counts, with a hash of the file and of them.

    Args:
        path: The file, whose name says what is in it.
        write: Writes it, and returns its counts.

    Returns:
        The counts.

    Raises:
        LmcourseError: It cannot be written.
    """
    counts = _undamaged(path)
    if counts is None:
        _write(path, write)
        counts = _undamaged(path)
    if counts is None:
        raise LmcourseError(
            f"{path} is not what was written to it: name a folder on another disk with --cache_dir "
            "or LMCOURSE_CACHE"
        )
    return counts


def _undamaged(path: Path) -> dict[str, int] | None:
    try:
        counts = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        expected = counts.pop(_HASH)
        return counts if expected == _hash(path, counts) else None
    except (OSError, ValueError, KeyError, AttributeError, TypeError, RecursionError):
        return None  # missing, damaged, or of an earlier version, which kept no hash


def _write(path: Path, write: Callable[[BinaryIO], dict[str, int]]) -> None:
    try:
        make_cache_folder(path.parent)
        with unfinished_file(path) as unfinished, unfinished.open("wb") as file:
            counts = write(file)
        record = json.dumps(counts | {_HASH: _hash(path, counts)})
        with unfinished_file(path.with_suffix(".json")) as unfinished:
            unfinished.write_text(record, encoding="utf-8")
    except OSError as error:
        raise LmcourseError(
            f"cannot write tokenized text to {path.parent} ({reason(error)}): name another folder "
            "with --cache_dir or LMCOURSE_CACHE"
        ) from error


def _hash(path: Path, counts: dict[str, Any]) -> str:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, _HASH)
    digest.update(json.dumps(counts, sort_keys=True).encode())
    return digest.hexdigest()
