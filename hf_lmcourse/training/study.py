"""Studies: one model trained again and again with one thing changed, resumable point by point."""

import json
import shlex
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ..data.encoding import replace_file
from ..errors import LmcourseError
from ..report.results import environment_versions, git_commit
from ..report.shareable import make_shareable
from ..training.any_run import finish_any_run, prepare_any_run
from ..training.config_file import RunSettings, read_settings
from .footprint import Footprint

__all__ = ["Point", "Study", "point_settings", "read_study", "run_study"]

_KEYS = ("base", "fixed", "vary", "variants", "seeds", "metric")


@dataclass(frozen=True)
class Point:
    """One training of a study.

    Attributes:
        variant: the name of what is changed, such as "0.3" or "frozen".
        overrides: the settings that make it, beside those of the base.
        seed: of the training.
    """

    variant: str
    overrides: dict[str, Any]
    seed: int

    @property
    def name(self) -> str:
        """Fit for a folder."""
        kept = "".join(c if c.isalnum() or c in ".-" else "_" for c in self.variant)
        return f"{kept}-seed{self.seed}"


@dataclass(frozen=True)
class Study:
    """What a study's YAML says.

    Attributes:
        name: the name of the YAML file, without its ending.
        config_file: its path as it was given.
        base: the YAML of the run that is varied.
        factor: the setting that is varied, or "variant".
        metric: the figure that is compared.
        points: the trainings, seed by seed, so that a study that is stopped early compares fairly.
    """

    name: str
    config_file: str
    base: str
    factor: str
    metric: str
    points: list[Point]


def read_study(path: str) -> Study:
    """Read the YAML of a study.

        base:      the YAML of a run, relative to this one
        fixed:     settings of all points that differ from the base, by name
        vary:      one setting and the list of its values, or
        variants:  names, and the settings of each
        seeds:     a list of seeds
        metric:    such as accuracy, perplexity or nats_per_token

    Raises:
        LmcourseError: no such file, no YAML, or a key that is missing, unknown or of another kind.
    """
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise LmcourseError(f"cannot read {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise LmcourseError(f"{path} is not a YAML file: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict) or not set(content) <= set(_KEYS):
        unknown = ", ".join(sorted(map(str, set(content or ()) - set(_KEYS)))) or "no keys"
        raise LmcourseError(f"{path} is no study ({unknown}): it has {', '.join(_KEYS)}")
    if "base" not in content or ("vary" in content) == ("variants" in content):
        raise LmcourseError(f"study {path} needs a base, and one of vary and variants")
    factor, variants = _variants(path, content)
    fixed = content.get("fixed") or {}
    return Study(
        name=Path(path).stem,
        config_file=path,
        base=str(Path(path).parent / content["base"]),
        factor=factor,
        metric=content.get("metric", "accuracy"),
        points=[
            Point(variant, {**fixed, **overrides}, seed)
            for seed in content.get("seeds", [42])
            for variant, overrides in variants.items()
        ],
    )


def _variants(path: str, content: dict[str, Any]) -> tuple[str, dict[str, dict[str, Any]]]:
    vary = content.get("vary")
    if vary is None:
        return "variant", {str(k): dict(v or {}) for k, v in content["variants"].items()}
    if not isinstance(vary, dict) or len(vary) != 1 or not isinstance([*vary.values()][0], list):
        raise LmcourseError(f"vary in {path} must be one setting with a list of values")
    ((factor, values),) = vary.items()
    return factor, {str(value): {factor: value} for value in values}


def run_study(
    study: Study,
    folder: Path,
    results_dir: Path | None = None,
    options: tuple[str, ...] = (),
    tell: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Train every point that is not in the study's file yet, and keep each as soon as it is done.

    A point that was trained with other settings is trained anew; one that was stopped inside begins
    again.

    Args:
        study: from `read_study`.
        folder: where the run folders of the points and the study's file lie.
        results_dir: a folder that also gets the finished file, as <name>.json.
        options: further words of the command line for every point, such as `--data_dir`.
        tell: shows a line of progress.

    Returns:
        The study as its file holds it: about all of it, and a list of `points`.

    Raises:
        LmcourseError: whatever is wrong with a point's settings or data.
    """
    file = folder / "study.json"
    done = _finished_points(file)
    settings = [point_settings(study, point, folder, options) for point in study.points]
    record: dict[str, Any] = {
        "name": study.name,
        "config": study.config_file,
        "command": make_shareable(shlex.join(["lmcourse", "study", study.config_file, *options])),
        "factor": study.factor,
        "metric": study.metric,
        "model_type": settings[0].config.model_type,
        "corpus": settings[0].data.corpus,
        "versions": environment_versions(),
        "points": [],
    }
    for number, (point, wanted) in enumerate(zip(study.points, settings, strict=True), start=1):
        where = f"[{number}/{len(study.points)}] {study.factor} {point.variant}, seed {point.seed}"
        finished = done.get(_key(point))
        if finished is None:
            tell(f"{where} ...")
            finished = _train(study, point, wanted)
        record["points"].append(finished)
        _write(file, record)
        tell(f"{where}: {_shown(finished['metrics'], study.metric)}")
    if results_dir is not None:
        _write(results_dir / f"{study.name}.json", record)
    return record


def point_settings(
    study: Study, point: Point, folder: Path, options: tuple[str, ...] = ()
) -> RunSettings:
    """The settings of one point of a study.

    Args:
        study: from `read_study`.
        point: one of its points.
        folder: where the run folders of the points lie.
        options: further words of the command line.

    Raises:
        LmcourseError: a setting that does not exist or is of the wrong type.
    """
    words = [study.base]
    for key, value in point.overrides.items():
        words += [f"--{key}={json.dumps(value) if isinstance(value, dict) else value}"]
    place = folder / "points" / point.name
    return read_settings([*words, "--seed", str(point.seed), "--output_dir", str(place), *options])


def _key(point: Point) -> str:
    return json.dumps([point.variant, point.overrides, point.seed], sort_keys=True)


def _finished_points(file: Path) -> dict[str, dict[str, Any]]:
    if not file.exists():
        return {}
    try:
        points = json.loads(file.read_text(encoding="utf-8"))["points"]
        return {_key(Point(p["variant"], p["settings"], p["seed"])): p for p in points}
    except (ValueError, KeyError, TypeError) as error:
        raise LmcourseError(f"{file} is damaged: move it away to begin the study anew") from error


def _train(study: Study, point: Point, settings: RunSettings) -> dict[str, Any]:
    began = time.perf_counter()
    run = prepare_any_run(settings, ["lmcourse", "study", study.config_file])
    footprint = Footprint()
    run.trainer.add_callback(footprint)
    run.train()
    if run.stop.received is not None:
        raise KeyboardInterrupt
    result = finish_any_run(run).result
    return {
        "variant": point.variant,
        "settings": point.overrides,
        "seed": point.seed,
        "metrics": result.metrics,
        "history": [list(pair) for pair in _history(run.trainer.state.log_history, study.metric)],
        "parameters": result.parameters,
        "training_seconds": result.wall_time_seconds,
        **footprint.as_record(),
        "seconds": round(time.perf_counter() - began, 1),
        "device": result.device,
        "threads": result.threads,
        "commit": git_commit(),
    }


def _history(logs: list[dict[str, float]], metric: str) -> Iterator[tuple[float, float]]:
    """The validation figure at the end of each epoch."""
    for log in logs:
        if f"eval_{metric}" in log:
            yield log["epoch"], log[f"eval_{metric}"]


def _shown(metrics: dict[str, dict[str, float]], metric: str) -> str:
    missing = [split for split, figures in metrics.items() if metric not in figures]
    if missing:
        known = ", ".join(sorted(metrics[missing[0]]))
        raise LmcourseError(f"there is no metric {metric!r} in this study, only {known}")
    return ", ".join(f"{split} {metric} {f[metric]:.4f}" for split, f in metrics.items())


def _write(path: Path, record: dict[str, Any]) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(record, indent=2) + "\n"
    replace_file(path, lambda file: file.write(text.encode()))
