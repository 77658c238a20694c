"""Where files are kept that can be made again, by this package and by the libraries it calls."""

import functools
import logging
import os
import stat
from pathlib import Path

from .errors import LmcourseError

_HOME_CACHE = "~/.cache"
_IN_HF_HOME = {
    "HF_MODULES_CACHE": "modules",
    "HF_METRICS_CACHE": "metrics",
    "HF_DATASETS_CACHE": "datasets",
}
"""Folders that libraries of Hugging Face write to, and their names in HF_HOME."""


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

    Without a home folder that can be written to, it is in a temporary folder, which a message names
    once.

    Args:
        chosen: A folder of the caller's choice.

    Raises:
        LmcourseError: The chosen folder has a NUL in its name or is below a home folder that does
            not exist, or there is no temporary folder either.
    """
    named = chosen or os.environ.get("LMCOURSE_CACHE")
    if not named:
        folder = _expanded(f"{_HOME_CACHE}/hf_lmcourse")
        return folder if _can_write(folder) else _temporary_cache() / "hf_lmcourse"
    folder = _expanded(str(named))
    if folder.parts[:1] and folder.parts[0].startswith("~") or "\0" in str(named):
        raise LmcourseError(
            f"there can be no folder {str(named)!r} for the cache: name another with --cache_dir "
            "or LMCOURSE_CACHE"
        )
    return folder


def give_libraries_a_cache() -> None:
    """Name a temporary folder to libraries that could not write to their place below the home.

    They would fail, or make a folder named `~`. Each reads its variable when it is imported; one
    that is set stays.
    """
    home_cache = os.environ.get("XDG_CACHE_HOME", _HOME_CACHE)
    default = _expanded(os.environ.get("HF_HOME", f"{home_cache}/huggingface"))
    if "HF_HOME" not in os.environ and not (default.is_dir() or _can_write(default)):
        default = _temporary_cache() / "huggingface"
        os.environ["HF_HOME"] = str(default)
    for variable, name in _IN_HF_HOME.items():
        if variable not in os.environ and not _can_write(default / name):
            os.environ[variable] = str(_temporary_cache() / "huggingface" / name)
    config = _expanded(os.environ.get("XDG_CONFIG_HOME", "~/.config")) / "matplotlib"
    if "MPLCONFIGDIR" not in os.environ and not (config.is_dir() or _can_write(config)):
        os.environ["MPLCONFIGDIR"] = str(_temporary_cache() / "matplotlib")


def _expanded(path: str) -> Path:
    """The path with its home folder; `~` stays if there is none."""
    return Path(os.path.expanduser(path))


def _can_write(folder: Path) -> bool:
    """Whether a file can be written to a folder, which is not created for that."""
    if folder.parts[:1] == ("~",):
        return False
    try:
        place = next(place for place in (folder, *folder.absolute().parents) if place.exists())
        if place in (folder, folder.parent):
            return place.is_dir() and os.access(place, os.W_OK | os.X_OK)
        import tempfile  # slow to import

        with tempfile.TemporaryFile(dir=place):  # os.access says yes to root in /proc
            return True
    except OSError:
        return False


@functools.cache
def _temporary_cache() -> Path:
    """This user's folder in the folder of temporary files, the same every time."""
    import tempfile

    user = os.geteuid()
    try:
        folder = Path(tempfile.gettempdir(), f"hf_lmcourse-{user}")
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_mode & 0o022 or status.st_uid != user:
            folder = Path(tempfile.mkdtemp(prefix="hf_lmcourse-"))  # somebody else's
    except OSError as error:
        raise LmcourseError(
            "there is neither a home folder nor a temporary folder to write to: set HOME or TMPDIR"
        ) from error
    logging.getLogger(__name__).warning(
        "there is no home folder to write to: tokenized text and other files that can be made "
        "again are kept in %s (set HOME, or LMCOURSE_CACHE and HF_HOME)",
        folder,
    )
    return folder
