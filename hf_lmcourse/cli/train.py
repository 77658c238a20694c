"""`lmcourse train`: train a model as a YAML file says."""

import shlex

import torch.distributed

from ..runs.language_model import LanguageModelSummary
from ..runs.settings import help_text, read_settings
from ..runs.start import prepare_run
from ..runs.training_run import RunSummary

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
    training = prepare_run(settings, ["lmcourse", "train", *arguments])
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
            print(_report(training.finish()))  # noqa: T201
            if settings.training.push_to_hub:
                print(f"Shared: {training.push().url}")  # noqa: T201
    finally:
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
    return 0


def _resume_hint(folder: str, arguments: list[str]) -> str:
    to_resume = ["--output_dir", folder, "--resume_from_checkpoint"]
    if arguments[-3:] != to_resume:
        arguments = [*arguments, *to_resume]
    return (
        f"Stopped; a checkpoint is saved in {folder}. Go on with:\n"
        f"  lmcourse train {shlex.join(arguments)}"
    )


def _report(summary: RunSummary) -> str:
    folder = summary.folder
    lines = ["", summary.table(), ""]
    if not isinstance(summary, LanguageModelSummary):
        return "\n".join(
            [*lines, f"Everything is in {folder} (model, tokenizer, curve, card, result)."]
        )
    # A line break is what `lmcourse generate` begins with by itself.
    prompt = "" if summary.prompt == "\n" else f" --prompt {shlex.quote(summary.prompt)}"
    return "\n".join(
        [
            *lines,
            "A sample at temperature 1:",
            *(f"  | {line}" for line in summary.sample.strip("\n").split("\n")),
            "",
            f"Everything is in {folder} (model, tokenizer, curve, samples, card, result).",
            f"Try next: lmcourse generate {folder}{prompt} --temperature 0.8",
            f"          lmcourse evaluate {folder} --data ANY_TEXT_FILE.txt",
        ]
    )
