"""The JSON files of a folder of results, as they are."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import LmcourseError

__all__ = ["read_records"]


def read_records(directory: str | Path, pattern: str = "*.json") -> Iterator[Any]:
    """What each file holds, sorted by the name of the file.

    Raises:
        LmcourseError: a file is no JSON.
    """
    for path in sorted(Path(directory).glob(pattern)):
        try:
            yield json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise LmcourseError(f"{path} cannot be read ({error}): repeat its command") from error
