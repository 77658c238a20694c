"""Files of results: read the JSON files of a folder, write a file whole or not at all."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
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
    try:
        with unfinished_file(Path(path)) as unfinished:
            unfinished.write_text(text, encoding="utf-8")
    except OSError as error:
        raise LmcourseError(f"cannot write {path}: {error.strerror}") from error


@contextmanager
def unfinished_file(path: Path) -> Iterator[Path]:
    """A path to write to, whose file replaces `path` at the end, or is removed if that fails.

    The folder is created if it does not exist.

    Raises:
        OSError: The folder cannot be created, or the file not be replaced.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    try:
        yield unfinished
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
