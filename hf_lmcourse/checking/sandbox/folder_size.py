"""The size of a folder that somebody may be filling."""

import os
from pathlib import Path


def is_larger(folder: Path, size: int, files: int) -> bool:
    """Whether a folder has more bytes on the disk or more files; links are not followed."""
    waiting, found, total = [str(folder)], 0, 0
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    found, total = found + 1, total + _bytes(entry)
                    if found > files or total > size:
                        return True
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except OSError:  # removed in between, or not to be read
            continue
    return False


def _bytes(entry: os.DirEntry[str]) -> int:
    return getattr(entry.stat(follow_symlinks=False), "st_blocks", 0) * 512
