"""Where the package keeps what it makes once: tokenized text, compiled kernels."""

import os
from pathlib import Path

from .errors import LmcourseError


def make_cache_folder(chosen: str | Path | None = None) -> Path:
    """Create the `cache_folder` if it does not exist; no group may write to it.

    Compiled code is loaded from there, so that a umask such as 002 must not open it.

    Raises:
        LmcourseError: See `cache_folder`.
        OSError: It cannot be created.
    """
    folder = cache_folder(chosen)
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    return folder


def cache_folder(chosen: str | Path | None = None) -> Path:
    """The folder that was chosen, else the environment's LMCOURSE_CACHE, else ~/.cache/hf_lmcourse.

    Args:
        chosen: A folder of the caller's choice.

    Raises:
        LmcourseError: The folder is below a home folder that does not exist.
    """
    folder = Path(chosen or os.environ.get("LMCOURSE_CACHE") or "~/.cache/hf_lmcourse")
    try:
        return folder.expanduser()
    except RuntimeError as error:
        raise LmcourseError(
            f"there is no home folder for the cache {folder}: name another with --cache_dir or "
            "LMCOURSE_CACHE"
        ) from error
