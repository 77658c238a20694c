"""Arrays in files without a name, of which only what is being read is in memory."""

import mmap
import tempfile
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import LmcourseError, reason


class FileArrays:
    """Arrays of one length that are written block by block and then read.

    Their files have no name, so that nothing is left of them however the process ends.

    Args:
        blocks: Of each array one part, all of one length.
        dtypes: Of each array.

    Attributes:
        arrays: The arrays, read-only and memory-mapped.

    Raises:
        LmcourseError: The folder of temporary files is full, or cannot be written to.
    """

    def __init__(
        self, blocks: Iterable[tuple[NDArray[Any], ...]], dtypes: tuple[type[np.generic], ...]
    ) -> None:
        try:
            files = [tempfile.TemporaryFile() for _ in dtypes]
        except OSError as error:
            raise _unwritable(error) from error
        for block in blocks:
            for file, part, dtype in zip(files, block, dtypes, strict=True):
                _write(file, part.astype(dtype, copy=False).tobytes())
        self._maps = []
        self.arrays: list[NDArray[Any]] = []
        for file, dtype in zip(files, dtypes, strict=True):
            with file:
                content: Any = b""
                if file.tell():
                    content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
                    self._maps.append(content)
                self.arrays.append(np.frombuffer(content, dtype))

    def release(self) -> None:
        """Let go of the memory of what was read; it can be read again."""
        for content in self._maps:
            if hasattr(mmap, "MADV_DONTNEED"):
                content.madvise(mmap.MADV_DONTNEED)


def _write(file: Any, content: bytes) -> None:
    try:
        file.write(content)
        file.flush()
    except OSError as error:
        raise _unwritable(error) from error


def _unwritable(error: OSError) -> LmcourseError:
    return LmcourseError(
        f"cannot write the tokens of a text to a temporary file ({reason(error)}): name a folder "
        "on another disk with TMPDIR"
    )
