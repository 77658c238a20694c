"""The bytes of a user's file, compressed or not, and of a pipe."""

import gzip
import lzma
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO

from ..errors import LmcourseError, reason
from .pipe_copy import PipeCopy

Source = Path | PipeCopy
"""What bytes can be read from."""

_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"
_REFUSED = {b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "zstd", b"7z\xbc\xaf": "7-Zip"}
"""What files of other compressions begin with."""

_DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, UnicodeDecodeError)
"""What a damaged zip archive raises; its names are text too."""


@contextmanager
def unpacked(path: Source) -> Iterator[IO[bytes] | gzip.GzipFile]:
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


def _opened(path: Source) -> BinaryIO:
    if isinstance(path, PipeCopy):
        return path.open()
    try:
        mode = path.stat().st_mode
    except ValueError as error:  # a NUL in the path
        raise LmcourseError(f"cannot read {str(path)!r}: {error}") from error
    if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):  # /dev/zero has no end
        raise LmcourseError(f"cannot read {path}: it is a device or a terminal, not a file")
    return path.open("rb")


@contextmanager
def _only_file(file: BinaryIO, path: Source) -> Iterator[IO[bytes]]:
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


def at_hand(path: Path) -> Source:
    """The file itself, or a copy of what comes out of a pipe, which can be read only once.

    Raises:
        LmcourseError: As `PipeCopy`.
    """
    return PipeCopy(path) if path.is_fifo() else path
