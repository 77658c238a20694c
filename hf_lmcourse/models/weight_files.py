"""Safetensors files with the permissions of any other new file."""

import os
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from ..errors import LmcourseError, reason


def save_tensors(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Write tensors by name, whole or not at all.

    Raises:
        LmcourseError: The file cannot be written.
    """
    try:
        save_file(dict(tensors), path)
    except (OSError, SafetensorError) as error:
        raise LmcourseError(f"cannot write {path}: {reason(error)}") from error
    follow_umask(path)


def follow_umask(path: Path) -> None:
    """Give a file the mode of a new one: safetensors makes it readable by its owner alone."""
    mask = os.umask(0o077)  # there is no other way to read it
    os.umask(mask)
    path.chmod(0o666 & ~mask)
