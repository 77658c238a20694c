"""The recipes that come with the package: the YAML files of `configs/`, found by name.

`configs` and `results` next to this file are links to those of the repository, and folders in a
wheel.
"""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

from ..errors import LmcourseError, nearest
from ..report.results import RunResult
from .yaml_files import read_yaml

_CONFIGS = Path(__file__).with_name("configs")
_RESULTS = Path(__file__).with_name("results")


@dataclass(frozen=True)
class Recipe:
    """A published training run.

    Attributes:
        name: Its name, which `lmcourse train` takes.
        model_type: Model type as in the model's config.
        corpus: Name of the corpus.
        result: The published result, None if there is none.
    """

    name: str
    model_type: str
    corpus: str
    result: RunResult | None


def recipes() -> Iterator[Recipe]:
    """Iterate over the recipes, sorted by name."""
    for file in sorted(_CONFIGS.glob("*.yaml")):
        settings: dict[str, Any] = read_yaml(str(file))
        yield Recipe(
            file.stem,
            settings["model"]["model_type"],
            settings["data"]["corpus"],
            next(iter(published_results(file.stem)), None),
        )


def published_results(name: str) -> list[RunResult]:
    """The published result of a recipe, none if there is none."""
    path = _RESULTS / f"{name}.json"
    return [RunResult.load(path)] if path.exists() else []


def studies() -> dict[str, str]:
    """What each study asks, the first sentence of its YAML file, by the name of the study."""
    files = sorted((_CONFIGS / "studies").glob("*.yaml"))
    return {file.stem: _first_sentence(file) for file in files}


def study_description(name: str) -> str:
    """What a study of the package is about: the comment that its YAML file begins with.

    Returns:
        The comment in one line, empty for any other study.
    """
    file = _CONFIGS / "studies" / f"{name}.yaml"
    return _opening_comment(file) if file.is_file() else ""


def recipe_text(name: str) -> str:
    """Read the YAML file of a recipe.

    Raises:
        LmcourseError: There is no such recipe.
    """
    files = {file.stem: file for file in _CONFIGS.glob("*.yaml")}
    if name not in files:
        raise LmcourseError(f"there is no recipe {name!r}: {_hint(name, files)}")
    return files[name].read_text(encoding="utf-8")


def find_config(given: str, folder: str = "") -> tuple[str, str]:
    """Find the YAML file that a command names: a file, or else a recipe of the package.

    Args:
        given: A path, the name of a recipe, or its path in the repository, `configs/NAME.yaml`.
        folder: Folder of `configs/` that holds what is looked for: "studies", or the recipes.

    Returns:
        The path to read, and the path to record: relative to the repository if the file is one of
        ours, otherwise as it was given.

    Raises:
        LmcourseError: There is neither such a file nor such a recipe.
    """
    path = Path(given) if os.path.isfile(given) else _packaged(given, folder)
    if path is None:
        return given, given
    real, ours = path.resolve(), _CONFIGS.resolve()
    recorded = Path("configs", real.relative_to(ours)) if real.is_relative_to(ours) else given
    return str(path), str(recorded)


def _packaged(given: str, folder: str) -> Path | None:
    """The file of a recipe; None if this is a path of something else, such as a pipe."""
    place = Path("configs", folder)
    names = [file.stem for file in (_CONFIGS / folder).glob("*.yaml")]
    name = given.removeprefix(f"{place.as_posix()}/").removesuffix(".yaml")
    if name in names:
        return _CONFIGS / folder / f"{name}.yaml"
    if os.path.exists(given) or name != given or "/" in given:
        return None
    raise LmcourseError(f"there is neither a file nor a recipe {given!r}: {_hint(name, names)}")


def _hint(name: str, known: Iterable[str]) -> str:
    close = nearest(name, known)
    return f"did you mean {close!r}?" if close else "`lmcourse recipes` lists the recipes"


def _opening_comment(file: Path) -> str:
    """The comment that a file begins with, in one line."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return " ".join(line.strip("# ") for line in takewhile(lambda x: x.startswith("#"), lines))


def _first_sentence(file: Path) -> str:
    return re.split(r"(?<=[.?]) (?=[A-Z])", _opening_comment(file))[0]
