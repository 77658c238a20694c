"""JSON files of results."""

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import LmcourseError
from .files import write_text


def read_records(directory: str | Path, pattern: str = "*.json") -> Iterator[Any]:
    """The content of each file, sorted by file name.

    Raises:
        LmcourseError: A file is not JSON.
    """
    for path in sorted(Path(directory).glob(pattern)):
        yield read_json(path)


def read_json(path: str | Path) -> Any:
    """The content of a file.

    Raises:
        LmcourseError: The file is missing or not JSON.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise LmcourseError(f"{path} cannot be read ({error}): repeat its command") from error


def json_text(content: Any, **layout: Any) -> str:
    """Format as strict JSON, which knows neither NaN nor infinity: such a value becomes null.

    Args:
        content: What to format.
        layout: Options of `json.dumps`; an indent of 2 by default.
    """
    strict = _without_non_finite(content)
    return json.dumps(strict, **{"indent": 2} | layout, allow_nan=False) + "\n"


def write_json(path: str | Path, content: Any, **layout: Any) -> None:
    """Write `json_text`, whole or not at all, and create the folder if it does not exist.

    Raises:
        LmcourseError: The file cannot be written.
    """
    write_text(path, json_text(content, **layout))


def with_infinities(
    metrics: Mapping[str, Mapping[str, float | None]],
) -> dict[str, dict[str, float]]:
    """Metrics by split as they were before `json_text` wrote null for an infinite perplexity."""
    return {
        split: {name: math.inf if value is None else value for name, value in values.items()}
        for split, values in metrics.items()
    }


def _without_non_finite(content: Any) -> Any:
    if isinstance(content, float):
        return content if math.isfinite(content) else None
    if isinstance(content, Mapping):
        return {key: _without_non_finite(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_without_non_finite(value) for value in content]
    return content
