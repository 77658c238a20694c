"""Files of results: read the JSON files of a folder, write a text file."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import LmcourseError


def read_records(directory: str | Path, pattern: str = "*.json") -> Iterator[Any]:
    """The content of each file, sorted by file name.

    Raises:
        LmcourseError: A file is not JSON.
    """
    for path in sorted(Path(directory).glob(pattern)):
        yield read_json(path)


def read_json(path: str | Path) -> Any:
    """The content of a file.

    Raises:
        LmcourseError: The file is missing or not JSON.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise LmcourseError(f"{path} cannot be read ({error}): repeat its command") from error


def write_text(path: str | Path, text: str) -> None:
    """Write a text file, whole or not at all, and create its folder if it does not exist.

    Raises:
        LmcourseError: The file cannot be written.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    except OSError as error:
        raise LmcourseError(f"cannot write {path}: {error.strerror}") from error
