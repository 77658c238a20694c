"""What comes out of a pipe, to be read more than once."""

import io
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import LmcourseError, reason


class PipeCopy:
    """A copy of what comes out of a pipe, in a file without a name.

    Nothing is left of it, however the process ends.

    Args:
        pipe: The pipe, which is read to its end.

    Raises:
        LmcourseError: The pipe cannot be read, begins with NUL, or the copy cannot be written.
    """

    def __init__(self, pipe: Path) -> None:
        self._pipe = pipe
        try:
            self._file = tempfile.TemporaryFile(buffering=0)
            with pipe.open("rb") as content:
                if content.peek(1)[:1] == b"\0":  # /dev/zero through a pipe has no end
                    raise LmcourseError(
                        f"what comes out of {pipe} begins with NUL, as no text does"
                    )
                shutil.copyfileobj(content, self._file)
        except OSError as error:
            raise LmcourseError(
                f"cannot copy {pipe} to a temporary file ({reason(error)}): name a folder on "
                "another disk with TMPDIR"
            ) from error

    def __str__(self) -> str:
        return str(self._pipe)

    @property
    def name(self) -> str:
        """The name of the pipe."""
        return self._pipe.name

    def open(self) -> BinaryIO:
        """Open the copy at its beginning; each reader has a place of its own in it."""
        return io.BufferedReader(_Reader(self._file.fileno()))


class _Reader(io.RawIOBase):
    """Reads an open file from a place of its own.

    Args:
        file: Its descriptor.
    """

    def __init__(self, file: int) -> None:
        self._file, self._place = file, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        size = os.fstat(self._file).st_size
        self._place = offset + (0, self._place, size)[whence]
        return self._place

    def readinto(self, buffer: Any) -> int:
        content = os.pread(self._file, len(buffer), self._place)
        buffer[: len(content)] = content
        self._place += len(content)
        return len(content)
