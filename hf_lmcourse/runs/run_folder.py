"""What the end of every run writes, whatever its model does: weights, result file, settings."""

import inspect
import re
import shutil
from pathlib import Path
from typing import Any

import torch

from ..report.redact import make_shareable
from ..report.results import RunResult, device_name, environment_versions
from ..training.arguments import RunArguments
from .settings import RunSettings
from .training_run import TrainingRun

__all__ = [
    "about",
    "changed_settings",
    "run_result",
    "save_for_sharing",
    "save_result",
    "saved_model",
    "share_learning_curve",
]

_NO_SETTINGS = (
    "output_dir",
    "remove_unused_columns",
    "restore_callback_states_from_checkpoint",
    "resume_from_checkpoint",
)
"""What the run sets itself, and a reader of the card need not know."""


def save_for_sharing(run: TrainingRun) -> None:
    """Write weights, config and tokenizer into the run folder, and nothing that is a pickle."""
    run.trainer.save_model(str(run.folder))
    (run.folder / "training_args.bin").unlink(missing_ok=True)


def saved_model(run: TrainingRun) -> Any:
    """The model as `save_for_sharing` wrote it, on the device of the training.

    It is what somebody who loads it gets: in the precision of its weights, also where the training
    was in bfloat16.
    """
    trained = run.trainer.accelerator.unwrap_model(run.trainer.model)
    return type(trained).from_pretrained(run.folder).to(run.settings.training.device)


def about(documented: type) -> tuple[str, str]:
    """The first paragraph of a class's docstring, and the equations that stand indented in it."""
    description, _, rest = (inspect.getdoc(documented) or "").partition("\n\n")
    before_sections = re.split(r"^\w+:$", rest, maxsplit=1, flags=re.MULTILINE)[0]
    equation = "\n".join(re.findall(r"^    .*$", before_sections, flags=re.MULTILINE))
    return description, inspect.cleandoc(equation)


def changed_settings(settings: RunSettings) -> dict[str, object]:
    """The training settings that are not at their defaults."""
    default = RunArguments().to_dict()
    return {
        name: value
        for name, value in settings.training.to_dict().items()
        if value != default[name] and name not in _NO_SETTINGS
    }


def save_result(run: TrainingRun, result: RunResult) -> None:
    """Write the result into the run folder, and into the folder of results where one is named."""
    result.save(run.folder / "result.json")
    if run.settings.training.results_dir is not None:
        result.save(Path(run.settings.training.results_dir, f"{run.settings.name}.json"))


def share_learning_curve(run: TrainingRun, picture: str | None) -> None:
    """Put the learning curve beside the result file, where a folder of results is named.

    Args:
        run: after its training.
        picture: relative to the run folder; `None` where there is none.
    """
    results = run.settings.training.results_dir
    if picture is None or results is None:
        return
    place = Path(results, "plots", f"{run.settings.name}_learning_curve.png")
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(run.folder / picture, place)


def run_result(
    run: TrainingRun, corpus: str, metrics: dict[str, dict[str, float]], seconds: float
) -> RunResult:
    """The result of a run as its file holds it.

    Args:
        run: after its training.
        corpus: name of the corpus.
        metrics: for each split the metrics by name.
        seconds: of training.
    """
    trainer, settings = run.trainer, run.settings
    commands = (run.folder / "command.txt").read_text(encoding="utf-8").splitlines()
    return RunResult(
        name=settings.name,
        model_type=settings.config.model_type,
        corpus=corpus,
        config=make_shareable(settings.config_file),
        command=make_shareable(" && ".join(commands)),
        metrics=metrics,
        parameters=sum(p.numel() for p in trainer.model.parameters()),
        seed=settings.training.seed,
        epochs=round(trainer.state.epoch or 0.0, 4),
        wall_time_seconds=round(seconds, 1),
        device=device_name(settings.training.device),
        threads=torch.get_num_threads(),
        versions=environment_versions(),
        commit=run.commit,
    )
