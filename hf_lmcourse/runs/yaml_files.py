"""YAML files, read with suspicion."""

from typing import Any

import yaml

from ..errors import LmcourseError, reason

_LARGEST, _MOST_VALUES = 1_000_000, 100_000
"""Bytes and values of a YAML file."""


def read_yaml(path: str) -> Any:
    """Read a YAML file.

    Raises:
        LmcourseError: The file is missing or not YAML.
    """
    try:
        with open(path, "rb") as file:
            content = file.read(_LARGEST + 1)  # /dev/zero has no end
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise LmcourseError(f"cannot read {path}: {reason(error)}") from error
    if len(content) > _LARGEST:
        raise LmcourseError(
            f"{path} has more than {_LARGEST:,} bytes and is not a file of settings"
        )
    try:
        settings = yaml.safe_load(content.decode("utf-8-sig"))
        _check_aliases(settings)
    except Exception as error:  # besides YAMLError, what int(), date() and deep recursion raise
        raise LmcourseError(f"{path} is not a YAML file: {' '.join(str(error).split())}") from error
    return settings


def _check_aliases(content: Any) -> None:
    """Refuse aliases of aliases, by which a small file grows without end."""
    waiting, values = [content], 0
    while waiting:
        value, values = waiting.pop(), values + 1
        if values > _MOST_VALUES:
            raise ValueError(f"its aliases expand to more than {_MOST_VALUES:,} values")
        if isinstance(value, dict | list):
            waiting += value.values() if isinstance(value, dict) else value
