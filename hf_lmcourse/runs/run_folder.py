"""Files that every run writes at its end: weights, result, learning curve."""

import inspect
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import torch

from ..report.redact import redacted
from ..report.results import RunResult, device_name, environment_versions
from ..training.arguments import RunArguments
from .settings import RunSettings
from .training_run import TrainingRun

_BOOKKEEPING = (
    "output_dir",
    "remove_unused_columns",
    "restore_callback_states_from_checkpoint",
    "resume_from_checkpoint",
)
"""Settings of the run's own bookkeeping, which a reader of the card need not know."""


def save_model(run: TrainingRun) -> None:
    """Write weights, config and tokenizer into the run folder, and nothing that is a pickle."""
    run.trainer.save_model(str(run.folder))
    (run.folder / "training_args.bin").unlink(missing_ok=True)


def load_saved_model(run: TrainingRun) -> Any:
    """Load the model that `save_model` wrote, on the device of the training.

    Its weights have the dtype in which they are saved, even if the training was in bfloat16.
    """
    trained = run.trainer.accelerator.unwrap_model(run.trainer.model)
    return type(trained).from_pretrained(run.folder).to(run.settings.training.device)


def class_description(documented: type) -> tuple[str, str]:
    """The first paragraph of a class's docstring, and the equations indented in it.

    A layer has its equations at the top of its file: then they come from there.
    """
    for text in (documented.__doc__, sys.modules[documented.__module__].__doc__):
        description, _, rest = inspect.cleandoc(text or "").partition("\n\n")
        before_sections = re.split(r"^\w+:$", rest, maxsplit=1, flags=re.MULTILINE)[0]
        equation = "\n".join(re.findall(r"^    .*$", before_sections, flags=re.MULTILINE))
        if equation:
            break
    return description, inspect.cleandoc(equation)


def non_default_settings(settings: RunSettings) -> dict[str, object]:
    """Select the training settings that differ from their defaults."""
    default = RunArguments().to_dict()
    return {
        name: value
        for name, value in settings.training.to_dict().items()
        if value != default[name] and name not in _BOOKKEEPING
    }


def save_result(run: TrainingRun, result: RunResult) -> None:
    """Write the result into the run folder, and into `results_dir` if one is set."""
    result.save(run.folder / "result.json")
    if run.settings.training.results_dir is not None:
        result.save(Path(run.settings.training.results_dir, f"{run.settings.name}.json"))


def copy_learning_curve(run: TrainingRun, plot: str | None) -> None:
    """Copy the learning curve, given relative to the run folder, to `results_dir` if it is set."""
    results = run.settings.training.results_dir
    if plot is None or results is None:
        return
    copy = Path(results, "plots", f"{run.settings.name}_learning_curve.png")
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(run.folder / plot, copy)


def run_result(
    run: TrainingRun, corpus: str, metrics: dict[str, dict[str, float]], seconds: float
) -> RunResult:
    """Collect what the result file of a run holds.

    Args:
        run: After its training.
        corpus: Name of the corpus.
        metrics: The metrics of each split, by name.
        seconds: Duration of the training.
    """
    trainer, settings = run.trainer, run.settings
    commands = (run.folder / "command.txt").read_text(encoding="utf-8").splitlines()
    return RunResult(
        name=settings.name,
        model_type=settings.config.model_type,
        corpus=corpus,
        config=redacted(settings.config_file),
        command=redacted(" && ".join(commands)),
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
