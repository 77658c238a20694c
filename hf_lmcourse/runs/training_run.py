"""One training run of any model: its settings, its folder, its callbacks."""

import html
import shlex
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from accelerate.utils import broadcast_object_list
from transformers import (
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PrinterCallback,
    ProgressCallback,
    Trainer,
    TrainerCallback,
)

from ..data.word_vectors import AlignedVectors
from ..errors import LmcourseError
from ..models.loading import check_weights, load_model
from ..report.results import RunResult
from ..sharing.push import PushedModel, push_folder
from ..training.arguments import RunArguments
from ..training.callbacks import LineProgress, StopOnSignal, WallTime
from ..training.stopping import Patience, TimeLimit, keep_stopped
from .checkpoints import CHECKPOINTS, last_complete_checkpoint, new_run_folder
from .pretrained_vectors import coverage_note
from .settings import RunSettings, last_cause


@dataclass
class RunSummary(ABC):
    """Results of a finished run, which print as a table and are displayed so in a notebook.

    Attributes:
        result: As written to `result.json`.
        folder: The run folder.
    """

    result: RunResult
    folder: Path

    @property
    def metrics(self) -> dict[str, dict[str, float]]:
        """The metrics of each split, by name."""
        return self.result.metrics

    @property
    def model(self) -> PreTrainedModel:
        """The trained model, loaded from the run folder in evaluation mode."""
        return self._saved[0]

    @property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        """The tokenizer of the model."""
        return self._saved[1]

    @cached_property
    def _saved(self) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
        return load_model(str(self.folder))

    @abstractmethod
    def table(self) -> str:
        """Format the metrics of each split and of the baselines as aligned text."""

    def __str__(self) -> str:
        return self.table()

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"


@dataclass
class TrainingRun(ABC):
    """One training run of any model.

    Attributes:
        settings: Settings of the run.
        folder: The run folder; Trainer's own `output_dir` is `checkpoints` in it.
        trainer: Ready to train.
        stop: The callback that handles SIGINT and SIGTERM.
        commit: Commit of the code when the run began.
        tokenizer: Made from the training text, or loaded.
        splits: The encoded text by split.
        vectors: The pretrained word vectors, if a file of them was named.
    """

    settings: RunSettings
    folder: Path
    trainer: Any
    stop: StopOnSignal
    commit: str | None
    tokenizer: PreTrainedTokenizerBase
    splits: dict[str, Any]
    vectors: AlignedVectors | None

    @property
    @abstractmethod
    def data_line(self) -> str:
        """The vocabulary and the data, after the words "MODEL with N parameters and"."""

    @abstractmethod
    def finish(self) -> RunSummary:
        """Score the trained model on every split but the training one; write the run folder."""

    def describe(self) -> str:
        """Describe the model, the data and the run folder in a few lines."""
        model = self.trainer.model
        parameters = sum(p.numel() for p in model.parameters())
        lines = [f"{type(model).__name__} with {parameters:,} parameters and {self.data_line}"]
        if self.vectors is not None:
            lines.append(coverage_note(self.vectors, self.splits["train"].tokens))
        return "\n".join([*lines, f"run folder: {self.folder}"])

    def train(self) -> None:
        """Train from the start, or from the checkpoint that the settings name.

        Raises:
            LmcourseError: The loss became NaN or infinite.
        """
        try:
            self.trainer.train(resume_from_checkpoint=self.settings.training.resume_from_checkpoint)
        finally:
            self.stop.release()

    def push(self) -> PushedModel:
        """Push the finished run folder to the Hub, as the `hub_*` settings say.

        Raises:
            HubError: The cause, and what to do; the run folder is complete by then.
        """
        args = self.settings.training
        return push_folder(
            self.folder,
            self.trainer.hub_model_id,
            private=bool(args.hub_private_repo),
            revision=args.hub_revision,
            token=args.hub_token,
        )

    @property
    def seconds(self) -> float:
        """Seconds of training, including those before an interruption."""
        callbacks = self.trainer.callback_handler.callbacks
        return next(c.total for c in callbacks if isinstance(c, WallTime))


def check_config(settings: RunSettings) -> None:
    """Validate the model's config again, after the vocabulary and the classes are filled in.

    Raises:
        LmcourseError: Two settings contradict each other.
    """
    try:
        settings.config.validate()
    except Exception as error:  # the strict dataclass wraps the errors of its validators
        raise LmcourseError(
            f"model settings of {settings.config_file}: {last_cause(error)}"
        ) from error


def run_callbacks(args: RunArguments, stop: StopOnSignal) -> list[TrainerCallback]:
    """Make the callbacks of every run."""
    args.restore_callback_states_from_checkpoint = True
    callbacks = [WallTime(), TimeLimit(), stop]
    if args.patience is not None:
        callbacks.append(Patience(args.patience))
    return callbacks


def show_progress(trainer: Trainer) -> None:
    """Replace the progress callbacks of transformers by `LineProgress`, or by none."""
    trainer.remove_callback(ProgressCallback)
    trainer.remove_callback(PrinterCallback)
    if not trainer.args.disable_tqdm:
        trainer.add_callback(LineProgress)


def resolve_run_folder(settings: RunSettings, model: PreTrainedModel) -> Path:
    """Choose a new folder, or the one of the checkpoint to resume from."""
    args = settings.training
    folder = Path(str(args.output_dir))
    if args.push_to_hub and args.hub_model_id is None:
        args.hub_model_id = settings.name
    if args.resume_from_checkpoint is None:
        if args.process_index == 0:
            folder = new_run_folder(folder)
        folder = Path(broadcast_object_list([str(folder)])[0])
    elif args.resume_from_checkpoint in ("last", "true", "True"):
        args.resume_from_checkpoint = str(last_complete_checkpoint(folder / CHECKPOINTS))
    elif not Path(args.resume_from_checkpoint, "trainer_state.json").exists():
        raise LmcourseError(f"{args.resume_from_checkpoint} is not a checkpoint")
    else:
        _check_place(Path(args.resume_from_checkpoint), folder)
    if args.resume_from_checkpoint is not None:
        check_weights(Path(args.resume_from_checkpoint), model)
        keep_stopped(args, Path(args.resume_from_checkpoint))
    if args.results_dir is not None:
        _make_folder(Path(args.results_dir), "results_dir")
    args.output_dir = str(folder / CHECKPOINTS)
    return folder


def _check_place(checkpoint: Path, folder: Path) -> None:
    """Refuse to resume a run in the folder of another one, which would lose its weights."""
    own = checkpoint.resolve().parent == (folder / CHECKPOINTS).resolve()
    if not own and folder.is_dir() and any(folder.iterdir()):
        raise LmcourseError(
            f"{checkpoint} is not of the run in {folder}: name its own folder, or a new one, with "
            "--output_dir"
        )


def _make_folder(folder: Path, name: str) -> None:
    """Make a folder before the training rather than fail after it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LmcourseError(f"{name} {folder} cannot be made: {error.strerror}") from error


def record_command(args: RunArguments, folder: Path, command: list[str]) -> None:
    """Append the command to `command.txt`: a resumed run has a line for each command."""
    if args.process_index != 0:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "command.txt").open("a", encoding="utf-8") as file:
            file.write(shlex.join(command) + "\n")
    except OSError as error:
        raise LmcourseError(
            f"cannot write to the run folder {folder} ({error.strerror}): name another with "
            "--output_dir"
        ) from error
