"""The YAML of a study: which training runs it asks for."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from ..errors import LmcourseError
from ..report.redact import without_tokens
from ..runs.recipes import find_config
from ..runs.settings import RunSettings, read_settings
from ..runs.yaml_files import read_yaml

_KEYS = ("base", "fixed", "vary", "variants", "seeds", "metric", "curves_by")

_KINDS: dict[str, tuple[type, str]] = {
    "base": (str, "a path"),
    "fixed": (dict, "settings by name"),
    "seeds": (list, "a list of whole numbers"),
    "metric": (str, "the name of a metric"),
    "curves_by": (str, "seconds or epoch"),
}

Factor = dict[str, dict[str, Any]]
"""A factor: the settings of each of its levels, by name."""


@dataclass(frozen=True)
class Point:
    """One training run of a study.

    Attributes:
        variant: Name of what is changed, such as "0.3" or "frozen"; "full, 64" in a grid.
        overrides: Its settings that differ from the base.
        seed: Seed of the training.
    """

    variant: str
    overrides: dict[str, Any]
    seed: int

    @property
    def name(self) -> str:
        """Name of the point's folder."""
        kept = "".join(c if c.isalnum() or c in ".-" else "_" for c in self.variant)
        return f"{kept}-seed{self.seed}"


@dataclass(frozen=True)
class Study:
    """The content of a study's YAML.

    Attributes:
        name: Name of the YAML file, without its extension.
        config_file: Its path as it was given; relative to the repository if it is one of ours.
        base: The YAML of the run that is varied.
        factors: What is varied, and the levels of each factor; two factors make a grid.
        metric: The metric that is compared.
        curves_by: Horizontal axis of the curves, "seconds" or "epoch"; `None` to choose seconds if
            the training time is limited, else epochs.
        points: The training runs, seed by seed, so that a study stopped early compares fairly.
    """

    name: str
    config_file: str
    base: str
    factors: dict[str, list[str]]
    metric: str
    curves_by: str | None
    points: list[Point]


def read_study(given: str) -> Study:
    """Read the YAML of a study.

        base:      the YAML of a run, relative to this one, or the name of a recipe
        fixed:     settings of all points that differ from the base, by name
        vary:      one factor, or two for a grid; a factor is a setting and the list of its values,
                   or a name and its levels, each with its settings
        variants:  the levels of a single factor without a name
        seeds:     a list of seeds
        metric:    such as accuracy, perplexity or nats_per_token
        curves_by: seconds (of training steps) or epoch

    Args:
        given: The name of a study of the package, or the path of a YAML file.

    Raises:
        LmcourseError: There is no such study or file, or it is not YAML; a key is missing, unknown
            or of the wrong type; or an access token is in it: settings are part of the results.
    """
    config_path, path = find_config(given, "studies")
    content = read_yaml(config_path)
    if without_tokens(repr(content)) != repr(content):
        raise LmcourseError(
            f"{path} has an access token in it, and the results of a study show its settings: log "
            "in with `hf auth login` or set HF_TOKEN instead"
        )
    keys = set(content) if isinstance(content, dict) else set()
    if not keys or not keys <= set(_KEYS):
        unknown = ", ".join(sorted(map(str, keys - set(_KEYS)))) or "no keys"
        raise LmcourseError(f"{path} is not a study ({unknown}): the keys are {', '.join(_KEYS)}")
    if content.get("base") is None or ("vary" in content) == ("variants" in content):
        raise LmcourseError(f"study {path} needs a base, and one of vary and variants")
    _check_kinds(path, content)
    factors = _factors(path, content)
    return Study(
        name=Path(path).stem,
        config_file=path,
        base=_base(config_path, content["base"]),
        factors={name: list(levels) for name, levels in factors.items()},
        metric=content.get("metric") or "accuracy",
        curves_by=content.get("curves_by"),
        points=[
            Point(variant, {**(content.get("fixed") or {}), **overrides}, seed)
            for seed in content.get("seeds") or [42]
            for variant, overrides in _combinations(factors)
        ],
    )


def _base(config_path: str, base: str) -> str:
    """What `base` names: a file next to that of the study, or else a recipe."""
    path = Path(config_path).parent / base
    return str(path) if path.suffix or path.exists() else base


def _check_kinds(path: str, content: dict[str, Any]) -> None:
    for key, (kind, expected) in _KINDS.items():
        value = content.get(key)
        right = value is None or isinstance(value, kind)
        if right and key == "seeds":
            right = all(type(seed) is int for seed in value or [])
        if right and key == "curves_by":
            right = value in (None, "seconds", "epoch")
        if not right:
            raise LmcourseError(f"{key} in {path} must be {expected}, not {value!r}")


def _factors(path: str, content: dict[str, Any]) -> dict[str, Factor]:
    if "variants" in content:
        return {"variant": _named_levels(path, "variants", content["variants"])}
    vary = content["vary"]
    if not isinstance(vary, dict) or len(vary) not in (1, 2):
        raise LmcourseError(f"vary in {path} must be one factor, or two for a grid")
    return {
        str(name): {str(value): {name: value} for value in levels}
        if isinstance(levels, list) and levels
        else _named_levels(path, str(name), levels)
        for name, levels in vary.items()
    }


def _named_levels(path: str, name: str, levels: Any) -> Factor:
    named = isinstance(levels, dict) and levels
    if not named or not all(isinstance(level, dict | None) for level in levels.values()):
        kind = "names with the settings of each"
        kind = kind if name == "variants" else f"a list of values, or {kind}"
        raise LmcourseError(f"{name} in {path} must be {kind}")
    return {str(level): dict(settings or {}) for level, settings in levels.items()}


def _combinations(factors: dict[str, Factor]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Iterate over the variants and their settings; the last factor changes fastest."""
    for levels in product(*(factor.items() for factor in factors.values())):
        settings = {key: value for _, chosen in levels for key, value in chosen.items()}
        yield ", ".join(name for name, _ in levels), settings


def point_settings(
    study: Study, point: Point, folder: Path, options: tuple[str, ...] = ()
) -> RunSettings:
    """Resolve the settings of one point of a study.

    Args:
        study: From `read_study`.
        point: One of its points.
        folder: The folder of the study, which gets the run folders of the points.
        options: Further words of the command line.

    Raises:
        LmcourseError: A setting does not exist or is of the wrong type.
    """
    place = folder / "points" / point.name
    words = [study.base, "--seed", str(point.seed), "--output_dir", str(place), *options]
    return read_settings(words, point.overrides)
