"""The points of an assignment, from a YAML file.

Points for parts of tasks, and a salt that students do not know:

    points:
      lstm_step: {values: 2, gradients: 2, shapes: 1}
      perplexity: {values: 3}
    salt: winter 2026
"""

import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..checking import find_task
from ..checking.task import Task
from ..checking.verdict import PARTS
from ..errors import LmcourseError, nearest, short
from ..runs.yaml_files import read_yaml

_KEYS = ("points", "salt")


@dataclass(frozen=True)
class Scheme:
    """Points, and how the random inputs of a student are found.

    Attributes:
        points: The points of each part by task.
        salt: What the seeds are made of, together with the student's name.
    """

    points: Mapping[str, Mapping[str, float]]
    salt: str = ""

    @property
    def tasks(self) -> list[Task]:
        """The tasks that have points."""
        return [find_task(name) for name in self.points]

    @property
    def max_score(self) -> float:
        """The points of a submission that is right everywhere."""
        return sum(sum(parts.values()) for parts in self.points.values())

    def seed(self, student: str) -> int:
        """Return the seed of a student's random inputs."""
        digest = hashlib.sha256(f"{self.salt}\0{student}".encode("utf-8", "surrogateescape"))
        return int.from_bytes(digest.digest()[:4])


def read_scheme(path: str) -> Scheme:
    """Read the points of an assignment.

    Raises:
        LmcourseError: The file is not YAML, or an entry is not as in the module docstring.
    """
    content = _mapping(read_yaml(path), path)
    _check_names(content, _KEYS, path)
    tasks = _mapping(content.get("points"), f"{path}: points")
    points = {_task_name(name, path): _parts(name, parts, path) for name, parts in tasks.items()}
    salt = content.get("salt", "")
    if not isinstance(salt, str | int):
        raise LmcourseError(f"{path}: salt must be a text, not {short(str(salt))}")
    return Scheme(points, str(salt))


def _mapping(value: Any, where: str) -> Mapping[Any, Any]:
    if not isinstance(value, dict) or not value:
        raise LmcourseError(f"{where} must be entries such as 'lstm_step: {{values: 2}}'")
    return value


def _task_name(name: Any, path: str) -> str:
    try:
        return find_task(str(name)).name
    except LmcourseError as error:
        raise LmcourseError(f"{path}: {error}") from error


def _parts(task: str, parts: Any, path: str) -> dict[str, float]:
    where = f"{path}: {task}"
    _check_names(_mapping(parts, where), PARTS, where)
    if "gradients" in parts and not find_task(task).differentiable:
        raise LmcourseError(f"{where} has no gradients: only its values are compared")
    for part, points in parts.items():
        number = isinstance(points, int | float) and not isinstance(points, bool)
        if not number or not math.isfinite(points) or points < 0:
            raise LmcourseError(f"{where}: {part} must be a number of points, not {points!r}")
    return dict(parts)


def _check_names(found: Iterable[Any], known: Iterable[str], where: str) -> None:
    for name in found:
        if name not in known:
            near = nearest(str(name), known)
            hint = f"did you mean {near}?" if near else f"known are {', '.join(known)}"
            raise LmcourseError(f"{where}: there is no {short(str(name))!r}: {hint}")
