"""`lmcourse train`: train a model as a recipe or a YAML file describes."""

import shlex

from ..report.redact import without_tokens
from ..runs.language_model import LanguageModelSummary
from ..runs.settings import read_settings
from ..runs.settings_help import train_help
from ..runs.start import prepare_run
from ..runs.train import TrainingStopped, carry_out
from ..runs.training_run import RunSummary


def run(arguments: list[str]) -> int:
    """Train, evaluate, and write a run folder.

    Args:
        arguments: A recipe and `--field value` pairs; see `lmcourse train --help`.

    Returns:
        The exit status: 0, or 130 if a signal stopped the training after a checkpoint.
    """
    others = [word for word in arguments if word not in ("-h", "--help", "--help-all")]
    if not arguments or len(others) < len(arguments):
        print(train_help(others, everything="--help-all" in arguments), end="")
        return 0
    training = prepare_run(read_settings(arguments), ["lmcourse", "train", *arguments])
    try:
        summary = carry_out(training)
    except TrainingStopped:
        if training.trainer.is_world_process_zero():
            print(_resume_hint(str(training.folder), arguments))
        return 130
    if summary is not None:
        print(f"\n{summary}\n\n{_hints(summary)}")
        if training.settings.training.push_to_hub:
            print(f"Shared: {training.push().url}")
    return 0


def _resume_hint(folder: str, arguments: list[str]) -> str:
    words = _without(arguments, ("output_dir", "resume_from_checkpoint"))
    command = shlex.join([*words, "--output_dir", folder, "--resume_from_checkpoint"])
    return (
        f"Stopped; a checkpoint is saved in {folder}. To continue:\n"
        f"  lmcourse train {without_tokens(command)}"
    )


def _without(words: list[str], options: tuple[str, ...]) -> list[str]:
    """Leave out options and their values."""
    kept, left_out = [], False
    for word in words:
        if word.startswith("--"):
            name = word.removeprefix("--").partition("=")[0].replace("-", "_")
            left_out = name in options
        if not left_out:
            kept.append(word)
    return kept


def _hints(summary: RunSummary) -> str:
    """Show a sample of a language model, and say what to do next."""
    folder = summary.folder
    if not isinstance(summary, LanguageModelSummary):
        return f"Everything is in {folder} (model, tokenizer, curve, card, result)."
    # A line break is what `lmcourse generate` continues by default.
    prompt = "" if summary.prompt == "\n" else f" --prompt {shlex.quote(summary.prompt)}"
    sample, written = [], "model, tokenizer, curve, card, result"
    if summary.sample is not None:
        lines = summary.sample.strip("\n").split("\n")
        sample = ["A sample at temperature 1:", *(f"  | {line}" for line in lines), ""]
        written = "model, tokenizer, curve, samples, card, result"
    return "\n".join(
        [
            *sample,
            f"Everything is in {folder} ({written}).",
            f"Try next: lmcourse generate {folder}{prompt} --temperature 0.8",
            f"          lmcourse evaluate {folder} --data ANY_TEXT_FILE.txt",
        ]
    )
