"""Run a study: one model trained repeatedly with one thing changed, resumable point by point."""

import hashlib
import json
import re
import shlex
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from ..errors import LmcourseError
from ..report.files import write_text
from ..report.json_files import json_text, with_infinities
from ..report.quiet_libraries import quiet_libraries
from ..report.redact import redacted
from ..report.results import environment_versions, git_commit
from ..runs.checkpoints import CHECKPOINTS, last_complete_checkpoint
from ..runs.run_folder import non_default_settings
from ..runs.settings import RunSettings
from ..runs.start import prepare_run
from ..training.cost import Footprint
from .contents import KnownContents, contents_of
from .held_out import score_test_split
from .selection import best_variant
from .study_file import Point, Study, point_settings

_IRRELEVANT = ("cache_dir", "data_dir", "disable_tqdm", "results_dir", "transformers_version")

_LATER = {"augmented_loss": 0.0, "augmented_temperature": 1.0, "capped_input_gate": False}
"""Settings of models that earlier versions did not have, at values with which nothing changes: the
runs of a study that began without them are not trained again."""


@quiet_libraries()
def run_study(
    study: Study,
    folder: Path,
    results_dir: Path | None = None,
    options: tuple[str, ...] = (),
    log: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Train every point that is not in the study's file yet, and save each when it is done.

    An interrupted point resumes from its last checkpoint. A point that was trained with other
    settings, its own or those of the base, or on other data, is trained again. Points are scored on
    validation; the test split, if there is one, is scored at the end for the variant that
    validation picks.

    Args:
        study: From `read_study`.
        folder: Gets the run folders of the points and the study's file.
        results_dir: A folder that also gets the finished file, as <name>.json.
        options: Further words of the command line for every point, such as `--data_dir`.
        log: Called with each line of progress.

    Returns:
        The content of the study's file: facts about the study, and a list of `points`.

    Raises:
        LmcourseError: Something is wrong with a point's settings or data, or the data changed
            meanwhile.
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
    known = KnownContents()
    for number, (point, wanted) in enumerate(zip(study.points, settings, strict=True), start=1):
        what = f"{', '.join(study.factors)} {point.variant}, seed {point.seed}"
        where = f"[{number}/{len(study.points)}] {what}"
        contents, finished = known.of(wanted.data), done.get(_key(point))
        digest = _digest(wanted, contents)
        if finished is not None and finished.get("digest") in (None, _digest(wanted, {})):
            log(f"{where}: of an earlier version, which did not record what it was trained on")
        elif finished is None or finished["digest"] != digest:
            _check_unchanged(wanted.data, contents)
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
    if _score_best(record, settings, folder / "points", log):
        _write(file, record)
    if results_dir is not None:
        _write(results_dir / f"{study.name}.json", record)
    return record


def _key(point: Point) -> str:
    return json.dumps([point.variant, point.overrides, point.seed], sort_keys=True)


def _check_unchanged(data: Any, contents: dict[str, str]) -> None:
    """Refuse to compare points that read other data than those before them."""
    if contents_of(data) != contents:
        raise LmcourseError(
            f"the data of {data.corpus} changed while the study ran: repeat the command, which "
            "trains again what was trained on the old data"
        )


def _digest(settings: RunSettings, contents: dict[str, str]) -> str:
    """Hash all that affects the result of a training run: settings, and the contents of its data.

    Args:
        settings: Of the run.
        contents: In place of the paths; earlier versions had none, and hashed the paths.
    """
    data = asdict(settings.data) | contents
    parts = [settings.config.to_dict(), data, non_default_settings(settings)]
    kept = [
        {k: v for k, v in part.items() if k not in _IRRELEVANT and (k, v) not in _LATER.items()}
        for part in parts
    ]
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
    """Whether this run was interrupted and left a checkpoint; the settings then resume from it.

    Without a checkpoint, its folder is removed: the run begins there again.
    """
    place, name = Path(str(settings.training.output_dir)), str(stopped.get("folder"))
    same = all(stopped.get(name) == value for name, value in identity.items())
    if not same or not re.fullmatch(rf"{re.escape(place.name)}(-\d+)?", name):
        return False
    folder = place.with_name(name)
    try:
        last_complete_checkpoint(folder / CHECKPOINTS)
    except LmcourseError:
        shutil.rmtree(folder, ignore_errors=True)
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
    result = run.finish(splits=["validation"]).result
    footprint = Footprint.of(run.trainer)
    return {
        "variant": point.variant,
        "settings": point.overrides,
        "seed": point.seed,
        "metrics": result.metrics,
        "folder": run.folder.name,
        "has_test": "test" in run.corpus.splits,
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


def _score_best(
    record: dict[str, Any],
    settings: list[RunSettings],
    folder: Path,
    log: Callable[[str], None],
) -> bool:
    """Score the best variant on the test split, unless it was; return whether anything was."""
    best = best_variant(record)
    wanted = [
        (point, given)
        for point, given in zip(record["points"], settings, strict=True)
        if point["variant"] == best and point.get("has_test") and "test" not in point["metrics"]
    ]
    if wanted:
        what = f"{', '.join(record['factors'])} {best}"
        log(f"{what} is the best on validation, and is scored on test ...")
    for point, given in wanted:
        point["metrics"]["test"] = score_test_split(given, folder / point["folder"])
    return bool(wanted)


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
    validation = metrics["validation"]
    if metric not in validation:
        known = ", ".join(sorted(validation))
        raise LmcourseError(f"there is no metric {metric!r} in this study, only {known}")
    return f"validation {metric} {validation[metric]:.4f}"


def _write(path: Path, record: dict[str, Any]) -> None:
    """Write a file atomically, with each list of numbers on one line."""
    one_line = re.compile(r"\[[\d\s.,e+-]+\]")
    write_text(path, one_line.sub(lambda found: " ".join(found[0].split()), json_text(record)))
