"""Files that are written whole or not at all, in folders that are writable."""

import errno
import os
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import LmcourseError, reason

_UNFINISHED = re.compile(r"\..+\.\d+\.unfinished")
_ABANDONED_SECONDS = 3600


def write_text(path: str | Path, text: str) -> None:
    """Write a text file, whole or not at all, and create its folder if it does not exist.

    Raises:
        LmcourseError: The file cannot be written.
    """
    with whole_file(Path(path)) as unfinished:
        unfinished.write_text(text, encoding="utf-8", newline="\n")


def append_text(path: Path, text: str) -> None:
    """Append to a text file, and create its folder if it does not exist.

    Raises:
        LmcourseError: The file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise LmcourseError(f"cannot write {path}: {reason(error)}") from error


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """`unfinished_file`, with one sentence for whatever the system refuses.

    Raises:
        LmcourseError: The file cannot be written.
    """
    try:
        with unfinished_file(path) as unfinished:
            yield unfinished
    except OSError as error:
        raise LmcourseError(f"cannot write {path}: {reason(error)}") from error


@contextmanager
def unfinished_file(path: Path) -> Iterator[Path]:
    """A path to write to, whose file replaces `path` at the end, or is removed if that fails.

    The folder is created if it does not exist. What a killed process left unfinished in it is
    removed.

    Raises:
        OSError: The folder cannot be created, or the file not be replaced.
    """
    _refuse_nul(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(path.parent)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
    try:
        yield unfinished
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def _remove_abandoned(folder: Path) -> None:
    """Remove unfinished files that nobody has written to for some time."""
    for name in filter(_UNFINISHED.fullmatch, os.listdir(folder)):
        with suppress(OSError):  # it is finished by now, or not ours
            if time.time() - (folder / name).stat().st_mtime > _ABANDONED_SECONDS:
                (folder / name).unlink()


def check_writable(folder: str | Path, option: str) -> None:
    """Try a folder before hours of work rather than after them; nothing is left there.

    Args:
        folder: A folder, or one that will be created.
        option: What names it on the command line.

    Raises:
        LmcourseError: No file can be written there.
    """
    place = Path(folder)
    while not place.exists():
        place = place.parent
    try:
        _refuse_nul(folder)
        with tempfile.TemporaryFile(dir=place) as probe:
            probe.write(b"\0")
    except OSError as error:
        raise LmcourseError(
            f"cannot write to the folder {str(folder)!r} ({reason(error)}): name another with "
            f"{option}"
        ) from error


def _refuse_nul(path: str | Path) -> None:
    if "\0" in str(path):
        raise OSError(errno.EINVAL, "a NUL in the name")
