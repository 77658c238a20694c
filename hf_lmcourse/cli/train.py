"""`lmcourse train`: train a model as a YAML file says."""

import shlex

import torch.distributed

from ..models.registration import CLASSIFIERS
from ..training.classification import ClassificationRun, prepare_classification
from ..training.config_file import RunSettings, help_text, read_settings
from ..training.finish import RunSummary, finish_run
from ..training.finish_classification import ClassificationSummary, finish_classification
from ..training.run import Run, prepare_run

__all__ = ["run"]


def run(arguments: list[str]) -> int:
    """Train, evaluate, and leave a run folder.

    Args:
        arguments: a YAML file and `--field value` pairs; see `lmcourse train --help`.

    Returns:
        The exit status: 0, or 130 where a signal stopped the training after a checkpoint.
    """
    if not arguments or arguments[0] in ("-h", "--help"):
        print(help_text())  # noqa: T201
        return 0
    settings = read_settings(arguments)
    training = _prepare(settings, ["lmcourse", "train", *arguments])
    main_process = training.trainer.is_world_process_zero()
    if main_process:
        print(training.describe())  # noqa: T201
    try:
        training.train()
        if training.stop.received is not None:
            if main_process:
                print(_resume_hint(str(training.folder), arguments))  # noqa: T201
            return 130
        if main_process:
            print(_finish(training))  # noqa: T201
    finally:
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
    return 0


def _prepare(settings: RunSettings, command: list[str]) -> Run | ClassificationRun:
    if settings.config.model_type in CLASSIFIERS:
        return prepare_classification(settings, command)
    return prepare_run(settings, command)


def _finish(training: Run | ClassificationRun) -> str:
    if isinstance(training, ClassificationRun):
        return _report_of_classifier(finish_classification(training))
    return _report(finish_run(training))


def _resume_hint(folder: str, arguments: list[str]) -> str:
    to_resume = ["--output_dir", folder, "--resume_from_checkpoint"]
    if arguments[-3:] != to_resume:
        arguments = [*arguments, *to_resume]
    return (
        f"Stopped; a checkpoint is saved in {folder}. Go on with:\n"
        f"  lmcourse train {shlex.join(arguments)}"
    )


def _report(summary: RunSummary) -> str:
    # A line break is what `lmcourse generate` begins with by itself.
    prompt = "" if summary.prompt == "\n" else f" --prompt {shlex.quote(summary.prompt)}"
    return "\n".join(
        [
            "",
            summary.table(),
            "",
            "A sample at temperature 1:",
            *(f"  | {line}" for line in summary.sample.strip("\n").split("\n")),
            "",
            f"Everything is in {summary.folder} (model, tokenizer, curve, samples, card, result).",
            f"Try next: lmcourse generate {summary.folder}{prompt} --temperature 0.8",
            f"          lmcourse evaluate {summary.folder} --data ANY_TEXT_FILE.txt",
        ]
    )


def _report_of_classifier(summary: ClassificationSummary) -> str:
    return "\n".join(
        [
            "",
            summary.table(),
            "",
            f"Everything is in {summary.folder} (model, tokenizer, curve, card, result).",
        ]
    )
