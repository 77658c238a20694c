"""Run a study: one model trained repeatedly with one thing changed, resumable point by point."""

import hashlib
import json
import re
import shlex
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from ..errors import LmcourseError
from ..report.files import write_text
from ..report.json_files import json_text, with_infinities
from ..report.redact import redacted
from ..report.results import environment_versions, git_commit
from ..runs.checkpoints import CHECKPOINTS, last_complete_checkpoint
from ..runs.run_folder import non_default_settings
from ..runs.settings import RunSettings
from ..runs.start import prepare_run
from ..training.cost import Footprint
from .study_file import Point, Study, point_settings

_IRRELEVANT = ("cache_dir", "data_dir", "disable_tqdm", "results_dir", "transformers_version")


def run_study(
    study: Study,
    folder: Path,
    results_dir: Path | None = None,
    options: tuple[str, ...] = (),
    log: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Train every point that is not in the study's file yet, and save each when it is done.

    An interrupted point resumes from its last checkpoint. A point that was trained with other
    settings, its own or those of the base, is trained again.

    Args:
        study: From `read_study`.
        folder: Gets the run folders of the points and the study's file.
        results_dir: A folder that also gets the finished file, as <name>.json.
        options: Further words of the command line for every point, such as `--data_dir`.
        log: Called with each line of progress.

    Returns:
        The content of the study's file: facts about the study, and a list of `points`.

    Raises:
        LmcourseError: Something is wrong with a point's settings or data.
    """
    file = folder / "study.json"
    done, stopped = _read_points(file)
    settings = [point_settings(study, point, folder, options) for point in study.points]
    record: dict[str, Any] = {
        "name": study.name,
        "config": study.config_file,
        "command": redacted(shlex.join(["lmcourse", "study", study.config_file, *options])),
        "factors": study.factors,
        "metric": study.metric,
        "curves_by": study.curves_by
        or ("seconds" if settings[0].training.max_training_seconds else "epoch"),
        "model_type": settings[0].config.model_type,
        "corpus": redacted(settings[0].data.corpus),
        "versions": environment_versions(),
        "points": [],
    }
    for number, (point, wanted) in enumerate(zip(study.points, settings, strict=True), start=1):
        what = f"{', '.join(study.factors)} {point.variant}, seed {point.seed}"
        where = f"[{number}/{len(study.points)}] {what}"
        digest, finished = _digest(wanted), done.get(_key(point))
        if finished is None or finished.get("digest", digest) != digest:
            identity = {"point": _key(point), "digest": digest}
            resumes = _resumes(wanted, identity, stopped)
            log(f"{where} resumes ..." if resumes else f"{where} ...")
            on_start = partial(
                _record_interrupted, file, record | {"points": list(done.values())}, identity
            )
            finished = _train(study, point, wanted, on_start) | {"digest": digest}
            done[_key(point)] = finished
            _write(file, record | {"points": list(done.values())})
        record["points"].append(finished)
        log(f"{where}: {_shown(finished['metrics'], study.metric)}")
    _write(file, record)
    if results_dir is not None:
        _write(results_dir / f"{study.name}.json", record)
    return record


def _key(point: Point) -> str:
    return json.dumps([point.variant, point.overrides, point.seed], sort_keys=True)


def _digest(settings: RunSettings) -> str:
    """Hash all settings that affect the result of a training run; paths of the data do not."""
    parts = [settings.config.to_dict(), asdict(settings.data), non_default_settings(settings)]
    kept = [{k: v for k, v in part.items() if k not in _IRRELEVANT} for part in parts]
    return hashlib.sha256(json.dumps(kept, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _read_points(file: Path) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Read the finished points, and the record of the point that was interrupted."""
    if not file.exists():
        return {}, {}
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        points = {
            _key(Point(p["variant"], p["settings"], p["seed"])): p
            | {"metrics": with_infinities(p["metrics"])}
            for p in record["points"]
        }
        return points, dict(record.get("stopped", {}))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise LmcourseError(f"{file} is damaged: move it away to start the study again") from error


def _resumes(settings: RunSettings, identity: dict[str, str], stopped: dict[str, str]) -> bool:
    """Whether this run was interrupted and left a checkpoint; the settings then resume from it."""
    if any(stopped.get(name) != value for name, value in identity.items()):
        return False
    folder = Path(str(settings.training.output_dir)).with_name(stopped["folder"])
    try:
        last_complete_checkpoint(folder / CHECKPOINTS)
    except LmcourseError:
        return False
    settings.training.output_dir = str(folder)
    settings.training.resume_from_checkpoint = "last"
    return True


def _record_interrupted(
    file: Path, record: dict[str, Any], identity: dict[str, str], folder: Path
) -> None:
    """Record a run as interrupted; this is overwritten when it finishes."""
    _write(file, record | {"stopped": identity | {"folder": folder.name}})


def _train(
    study: Study, point: Point, settings: RunSettings, on_start: Callable[[Path], None]
) -> dict[str, Any]:
    run = prepare_run(settings, ["lmcourse", "study", study.config_file])
    on_start(run.folder)
    run.trainer.add_callback(Footprint())
    run.train()
    if run.stop.received is not None:
        raise KeyboardInterrupt
    trained = time.perf_counter()
    result = run.finish().result
    footprint = Footprint.of(run.trainer)
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
        "seconds": round(run.seconds + time.perf_counter() - trained, 1),
        "device": result.device,
        "threads": result.threads,
        "commit": git_commit(),
    }


def _curves(
    logs: list[dict[str, float]], footprint: Footprint, metric: str
) -> dict[str, dict[str, list[float]]]:
    """Collect the logged losses and the metric, by epoch and by seconds of training steps.

    A training loss is the mean over the steps since the previous log, in nats per token or text.
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
    missing = [split for split, values in metrics.items() if metric not in values]
    if missing:
        known = ", ".join(sorted(metrics[missing[0]]))
        raise LmcourseError(f"there is no metric {metric!r} in this study, only {known}")
    return ", ".join(f"{split} {metric} {f[metric]:.4f}" for split, f in metrics.items())


def _write(path: Path, record: dict[str, Any]) -> None:
    """Write a file atomically, with each list of numbers on one line."""
    one_line = re.compile(r"\[[\d\s.,e+-]+\]")
    write_text(path, one_line.sub(lambda found: " ".join(found[0].split()), json_text(record)))
