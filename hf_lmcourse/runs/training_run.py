"""What every training run has, whatever its model does."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accelerate.utils import broadcast_object_list
from transformers import (
    PreTrainedModel,
    PrinterCallback,
    ProgressCallback,
    Trainer,
    TrainerCallback,
)

from ..errors import LmcourseError
from ..models.loading import check_weights
from ..sharing.push import PushedModel, push_folder
from ..training.arguments import RunArguments
from ..training.callbacks import LineProgress, StopOnSignal, WallTime
from ..training.stopping import Patience, train_no_further
from ..training.time_limit import TimeLimit
from .checkpoints import CHECKPOINTS, fresh_run_folder, last_whole_checkpoint
from .settings import RunSettings, last_cause

__all__ = [
    "TrainingRun",
    "check_config",
    "note_command",
    "run_callbacks",
    "settle_run_folder",
    "show_progress",
]


@dataclass
class TrainingRun:
    """Everything that any training run has in hand.

    Attributes:
        settings: what it was told.
        folder: the run folder; Trainer's own `output_dir` is `checkpoints` in it.
        trainer: ready to train.
        stop: what notices a signal.
        commit: of the code as the run began.
    """

    settings: RunSettings
    folder: Path
    trainer: Any
    stop: StopOnSignal
    commit: str | None

    def model_line(self) -> str:
        """The model and its size, for the reader of the terminal."""
        model = self.trainer.model
        parameters = sum(p.numel() for p in model.parameters())
        return f"{type(model).__name__} with {parameters:,} parameters"

    def train(self) -> None:
        """Train from the start, or from the checkpoint that the settings name.

        Raises:
            LmcourseError: the loss became no number.
        """
        try:
            self.trainer.train(resume_from_checkpoint=self.settings.training.resume_from_checkpoint)
        finally:
            self.stop.release()

    def push(self) -> PushedModel:
        """Share the finished run folder, as `push_to_hub` among the settings asks.

        Raises:
            HubError: the cause, and what to do; everything is in the run folder by then.
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
        """Seconds of training, those before an interruption included."""
        callbacks = self.trainer.callback_handler.callbacks
        return next(c.total for c in callbacks if isinstance(c, WallTime))


def check_config(settings: RunSettings) -> None:
    """Check the model's settings once more, now that the data have filled in what they know.

    Raises:
        LmcourseError: what does not fit together.
    """
    try:
        settings.config.validate()
    except Exception as error:  # the strict dataclass wraps whatever its validators raise
        raise LmcourseError(
            f"model settings of {settings.config_file}: {last_cause(error)}"
        ) from error


def run_callbacks(args: RunArguments, stop: StopOnSignal) -> list[TrainerCallback]:
    """What every run does beside the training."""
    args.restore_callback_states_from_checkpoint = True
    callbacks = [WallTime(), TimeLimit(), stop]
    if args.patience is not None:
        callbacks.append(Patience(args.patience))
    return callbacks


def show_progress(trainer: Trainer) -> None:
    """Our progress in the place of the host's, unless none is wanted."""
    trainer.remove_callback(ProgressCallback)
    trainer.remove_callback(PrinterCallback)
    if not trainer.args.disable_tqdm:
        trainer.add_callback(LineProgress)


def settle_run_folder(settings: RunSettings, model: PreTrainedModel) -> Path:
    """A new folder, or the old one with the checkpoint to go on from."""
    args = settings.training
    folder = Path(str(args.output_dir))
    if args.push_to_hub and args.hub_model_id is None:
        args.hub_model_id = settings.name
    if args.resume_from_checkpoint is None:
        if args.process_index == 0:
            folder = fresh_run_folder(folder)
        folder = Path(broadcast_object_list([str(folder)])[0])
    elif args.resume_from_checkpoint in ("last", "true", "True"):
        args.resume_from_checkpoint = str(last_whole_checkpoint(folder / CHECKPOINTS))
    elif not Path(args.resume_from_checkpoint, "trainer_state.json").exists():
        raise LmcourseError(f"{args.resume_from_checkpoint} is not a checkpoint")
    else:
        _check_place(Path(args.resume_from_checkpoint), folder)
    if args.resume_from_checkpoint is not None:
        check_weights(Path(args.resume_from_checkpoint), model)
        train_no_further(args, Path(args.resume_from_checkpoint))
    if args.results_dir is not None:
        _make_folder(Path(args.results_dir), "results_dir")
    args.output_dir = str(folder / CHECKPOINTS)
    return folder


def _check_place(checkpoint: Path, folder: Path) -> None:
    """Refuse to go on with a run in the folder of another one, which would lose its weights."""
    own = checkpoint.resolve().parent == (folder / CHECKPOINTS).resolve()
    if not own and folder.is_dir() and any(folder.iterdir()):
        raise LmcourseError(
            f"{checkpoint} is not of the run in {folder}: name its own folder, or a new one, with "
            "--output_dir"
        )


def _make_folder(folder: Path, name: str) -> None:
    """Now rather than at the end of a training."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LmcourseError(f"{name} {folder} cannot be made: {error.strerror}") from error


def note_command(args: RunArguments, folder: Path, command: list[str]) -> None:
    """Keep the command; one that goes on with a run stands below the one that began it."""
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
