"""Studies: one model trained again and again with one thing changed, resumable point by point."""

import hashlib
import json
import re
import shlex
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..data.encoding import replace_file
from ..errors import LmcourseError
from ..report.results import environment_versions, git_commit
from ..report.shareable import make_shareable
from .any_run import finish_any_run, prepare_any_run
from .config_file import RunSettings
from .footprint import Footprint
from .outcome import changed_settings
from .study_file import Point, Study, point_settings

__all__ = ["run_study"]

_NO_MATTER = ("cache_dir", "data_dir", "disable_tqdm", "results_dir", "transformers_version")


def run_study(
    study: Study,
    folder: Path,
    results_dir: Path | None = None,
    options: tuple[str, ...] = (),
    tell: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Train every point that is not in the study's file yet, and keep each as soon as it is done.

    A point that was trained with other settings, its own or those of the base, is trained anew; one
    that was stopped inside begins again.

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
        "factors": study.factors,
        "metric": study.metric,
        "curves_by": "seconds" if settings[0].training.max_training_seconds else "epoch",
        "model_type": settings[0].config.model_type,
        "corpus": make_shareable(settings[0].data.corpus),
        "versions": environment_versions(),
        "points": [],
    }
    for number, (point, wanted) in enumerate(zip(study.points, settings, strict=True), start=1):
        what = f"{', '.join(study.factors)} {point.variant}, seed {point.seed}"
        where = f"[{number}/{len(study.points)}] {what}"
        digest, finished = _digest(wanted), done.get(_key(point))
        if finished is None or finished.get("digest", digest) != digest:
            tell(f"{where} ...")
            finished = _train(study, point, wanted) | {"digest": digest}
        record["points"].append(finished)
        _write(file, record)
        tell(f"{where}: {_shown(finished['metrics'], study.metric)}")
    if results_dir is not None:
        _write(results_dir / f"{study.name}.json", record)
    return record


def _key(point: Point) -> str:
    return json.dumps([point.variant, point.overrides, point.seed], sort_keys=True)


def _digest(settings: RunSettings) -> str:
    """Of all that decides what a training gives: other places of the same data change nothing."""
    told = [settings.config.to_dict(), asdict(settings.data), changed_settings(settings)]
    kept = [{k: v for k, v in part.items() if k not in _NO_MATTER} for part in told]
    return hashlib.sha256(json.dumps(kept, sort_keys=True, default=str).encode()).hexdigest()[:16]


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
        "num_sampled": getattr(settings.config, "num_sampled", None),
        "curves": _curves(run.trainer.state.log_history, footprint, study.metric),
        "parameters": result.parameters,
        "training_seconds": result.wall_time_seconds,
        **footprint.as_record(),
        "seconds": round(time.perf_counter() - began, 1),
        "device": result.device,
        "threads": result.threads,
        "commit": git_commit(),
    }


def _curves(
    logs: list[dict[str, float]], footprint: Footprint, metric: str
) -> dict[str, dict[str, list[float]]]:
    """Losses as they were logged, and the metric, by epoch and by seconds of training steps.

    A training loss is the mean over the steps since the log before, in nats per token or text.
    """
    columns = {
        "training": {"loss": "loss"},
        "validation": {"loss": "eval_loss", metric: f"eval_{metric}"},
    }
    curves = {}
    for split, names in columns.items():
        kept = [log for log in logs if names["loss"] in log]
        curves[split] = {
            "epoch": [round(log["epoch"], 4) for log in kept],
            "seconds": [round(footprint.seconds_at[int(log["step"])], 3) for log in kept],
        }
        for name, key in names.items():
            if all(key in log for log in kept):
                curves[split][name] = [round(log[key], 6) for log in kept]
    return curves


def _shown(metrics: dict[str, dict[str, float]], metric: str) -> str:
    missing = [split for split, figures in metrics.items() if metric not in figures]
    if missing:
        known = ", ".join(sorted(metrics[missing[0]]))
        raise LmcourseError(f"there is no metric {metric!r} in this study, only {known}")
    return ", ".join(f"{split} {metric} {f[metric]:.4f}" for split, f in metrics.items())


def _write(path: Path, record: dict[str, Any]) -> None:
    """Write a file whole or not at all, each list of numbers on a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(record, indent=2) + "\n"
    text = re.sub(r"\[[\d\s.,e+-]+\]", lambda found: " ".join(found[0].split()), text)
    replace_file(path, lambda file: file.write(text.encode()))
