"""The bytes of a user's file, compressed or not, and of a pipe."""

import gzip
import lzma
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import IO, BinaryIO

from ..errors import LmcourseError, reason

_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"
_REFUSED = {b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "zstd", b"7z\xbc\xaf": "7-Zip"}
"""What files of other compressions begin with."""

_DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, UnicodeDecodeError)
"""What a damaged zip archive raises; its names are text too."""


@contextmanager
def unpacked(path: Path) -> Iterator[IO[bytes] | gzip.GzipFile]:
    """Open a file for its bytes; gzip, and a zip archive of one file, are decompressed.

    What it is, the first bytes say, never the name.

    Raises:
        LmcourseError: The file cannot be opened, or not be read while it is open; it is a device,
            an archive of several files, or compressed in another way.
    """
    try:
        with _opened(path) as file:
            start = file.peek(6)[:6]  # type: ignore[attr-defined]
            for magic, name in _REFUSED.items():
                if start.startswith(magic):
                    raise LmcourseError(f"{path} is compressed with {name}: unpack it first")
            if start.startswith(_GZIP):
                with gzip.GzipFile(fileobj=file) as content:
                    yield content
            elif start.startswith(_ZIP):
                with _only_file(file, path) as content:
                    yield content
            else:
                yield file
    except (OSError, EOFError, zlib.error) as error:
        raise LmcourseError(f"cannot read {path}: {reason(error)}") from error


def _opened(path: Path) -> BinaryIO:
    try:
        mode = path.stat().st_mode
    except ValueError as error:  # a NUL in the path
        raise LmcourseError(f"cannot read {str(path)!r}: {error}") from error
    if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):  # /dev/zero has no end
        raise LmcourseError(f"cannot read {path}: it is a device or a terminal, not a file")
    return path.open("rb")


@contextmanager
def _only_file(file: BinaryIO, path: Path) -> Iterator[IO[bytes]]:
    try:
        with zipfile.ZipFile(file) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            if len(members) != 1:
                raise LmcourseError(
                    f"{path} is a zip archive of {len(members)} files, not of one: unpack it, and "
                    "name one"
                )
            if members[0].flag_bits & 1:
                raise LmcourseError(f"{path} is a zip archive with a password: unpack it first")
            with archive.open(members[0]) as content:
                yield content
    except (*_DAMAGED, NotImplementedError) as error:
        raise LmcourseError(
            f"{path} is a zip archive that is damaged or of an unusual kind: unpack it first"
        ) from error


def at_hand(path: Path) -> Path:
    """The file itself, or what comes out of a pipe, which can be read only once, as a file.

    The copy is in a temporary folder, which is removed when Python ends.

    Raises:
        LmcourseError: The pipe cannot be read, or the copy not be written.
    """
    if not path.is_fifo():
        return path
    copy = Path(mkdtemp(dir=_copies().name), path.name)
    try:
        with path.open("rb") as pipe, copy.open("wb") as file:
            if pipe.peek(1)[:1] == b"\0":  # /dev/zero through a pipe has no end either
                raise LmcourseError(f"what comes out of {path} begins with NUL, as no text does")
            shutil.copyfileobj(pipe, file)
    except OSError as error:
        raise LmcourseError(f"cannot copy {path} to {copy}: {reason(error)}") from error
    return copy


@cache
def _copies() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="lmcourse_")
