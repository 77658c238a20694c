"""The folder of local corpora, and the files in it."""

import os
import stat
from pathlib import Path

from ..errors import LmcourseError


def user_path(name: str | Path) -> Path:
    """The path that a user names; `~` stays if there is no such home folder, as in a shell."""
    return Path(os.path.expanduser(name))


def file_mode(path: Path) -> int:
    """What there is at a path; 0 for nothing, or for what cannot be a path."""
    try:
        return path.stat().st_mode
    except (OSError, ValueError):
        return 0


def corpora_folder(data_dir: str | Path | None) -> Path | None:
    """The folder of local corpora, if one is named."""
    chosen = data_dir or os.environ.get("LMCOURSE_DATA")
    if not chosen:
        return None
    root = user_path(chosen)
    if not stat.S_ISDIR(file_mode(root)):
        raise LmcourseError(f"the folder of corpora {root} (data_dir or LMCOURSE_DATA) is missing")
    return root


def data_file(name: str, data_dir: str | Path | None = None) -> Path:
    """A file or a pipe by its path, or a file by its place in the folder of local corpora.

    Args:
        name: Such as "glove/glove.6B.50d.txt"; there it may also be compressed, with .gz added.
        data_dir: Folder of local corpora; the environment's LMCOURSE_DATA by default.

    Raises:
        LmcourseError: There is no such file.
    """
    folders = [Path(), *filter(None, [corpora_folder(data_dir)])]
    places = [folder / user_path(name) for folder in folders]
    for path in (*places, *(Path(f"{place}.gz") for place in places[1:])):
        mode = file_mode(path)
        if stat.S_ISREG(mode) or stat.S_ISFIFO(mode):
            return path
    where = "and no folder of corpora is named" if len(places) == 1 else f"nor in {folders[1]}"
    raise LmcourseError(f"there is no file {name}, {where} (--data_dir or LMCOURSE_DATA)")
