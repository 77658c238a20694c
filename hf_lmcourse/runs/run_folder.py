"""The run folder: where it is, and what describes the run in it."""

import inspect
import re
import shlex
import sys
from pathlib import Path
from typing import Any

from accelerate.utils import broadcast_object_list
from transformers import PreTrainedModel

from ..errors import LmcourseError
from ..models.aligned_weights import AlignedWeights
from ..report.files import append_text, check_writable
from ..report.redact import without_tokens
from ..training.arguments import RunArguments
from ..training.resuming import check_checkpoint
from ..training.stopping import keep_stopped
from .checkpoints import CHECKPOINTS, last_complete_checkpoint, new_run_folder
from .settings import RunSettings

_BOOKKEEPING = (
    "output_dir",
    "remove_unused_columns",
    "restore_callback_states_from_checkpoint",
    "resume_changes",
    "resume_from_checkpoint",
)
"""Settings of the run's own bookkeeping, which a reader of the card need not know."""


def resolve_run_folder(
    settings: RunSettings, model: PreTrainedModel, made_from: dict[str, Any]
) -> Path:
    """Choose a new folder, or the one of the checkpoint to resume from.

    Args:
        settings: Of the run; its folder and the checkpoint are resolved.
        model: The model.
        made_from: What the run is made from, which must be what the checkpoint is made from.

    Raises:
        LmcourseError: There is no such checkpoint, or it does not fit or is damaged; or a folder
            cannot be made.
    """
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
    elif args.process_index == 0:  # the others may look after the first has begun to write
        _check_place(Path(args.resume_from_checkpoint), folder)
    if args.resume_from_checkpoint is not None:
        check_checkpoint(Path(args.resume_from_checkpoint), model, made_from, args)
        keep_stopped(args, Path(args.resume_from_checkpoint))
    if args.results_dir is not None:
        check_writable(args.results_dir, "--results_dir")
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


def record_command(args: RunArguments, folder: Path, command: list[str]) -> None:
    """Append the command to `command.txt`: a resumed run has a line for each command.

    Raises:
        LmcourseError: The run folder cannot be written to.
    """
    if args.process_index == 0:
        check_writable(folder, "--output_dir")
        append_text(folder / "command.txt", without_tokens(shlex.join(command)) + "\n")


def model_description(model: PreTrainedModel) -> tuple[str, str]:
    """What a model is, in a paragraph, and its equations if it is of the package.

    They are the first paragraph and what is indented in the docstring of its class. A layer has its
    equations at the top of its file: then they come from there.
    """
    body: Any = model.base_model
    if not isinstance(model, AlignedWeights):
        return _other_description(model), ""
    documented = getattr(body, "layer_class", type(body))
    for text in (documented.__doc__, sys.modules[documented.__module__].__doc__):
        description, _, rest = inspect.cleandoc(text or "").partition("\n\n")
        before_sections = re.split(r"^\w+:$", rest, maxsplit=1, flags=re.MULTILINE)[0]
        equation = "\n".join(re.findall(r"^    .*$", before_sections, flags=re.MULTILINE))
        if equation:
            break
    return description, inspect.cleandoc(equation)


def _other_description(model: PreTrainedModel) -> str:
    package = type(model).__module__.partition(".")[0]
    return f"`{type(model).__name__}` of the package `{package}`, trained from random weights."


def non_default_settings(settings: RunSettings) -> dict[str, object]:
    """Select the training settings that differ from their defaults."""
    default = RunArguments().to_dict()
    return {
        name: value
        for name, value in settings.training.to_dict().items()
        if value != default[name] and name not in _BOOKKEEPING
    }
