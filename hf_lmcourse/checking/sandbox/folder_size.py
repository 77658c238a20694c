"""The size of a folder that somebody may be filling."""

import errno
import os
from pathlib import Path

_DEEPEST = 100


def is_larger(folder: Path, size: int, files: int) -> bool:
    """Whether a folder has more bytes on the disk or more files, or is too deep to be read.

    Links are not followed.
    """
    waiting, found, total = [str(folder)], 0, 0
    while waiting:
        inner = waiting.pop()
        if inner.count(os.sep) - str(folder).count(os.sep) > _DEEPEST:
            return True
        try:
            with os.scandir(inner) as entries:
                for entry in entries:
                    found, total = found + 1, total + _bytes(entry)
                    if found > files or total > size:
                        return True
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:  # folders in folders
                return True
            continue  # removed in between, or not to be read
    return False


def _bytes(entry: os.DirEntry[str]) -> int:
    return getattr(entry.stat(follow_symlinks=False), "st_blocks", 0) * 512
