"""What the setup of every run shares: a saved tokenizer, the model, the Trainer."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from transformers import (
    PreTrainedTokenizerBase,
    PrinterCallback,
    ProgressCallback,
    TrainerCallback,
)
from transformers import trainer as host

from ..errors import LmcourseError
from ..models.loading import check_vocabulary, load_tokenizer
from ..sharing.sharing_trainer import with_sharing
from ..training.arguments import RunArguments
from ..training.callbacks import LineProgress, StopOnSignal, WallTime
from ..training.resuming import ResumingTrainer
from ..training.schedules import ScheduleRemarks
from ..training.stopping import Patience, TimeLimit
from .settings import RunSettings, last_cause


def saved_tokenizer(folder: str, trained: Sequence[str]) -> PreTrainedTokenizerBase:
    """Load a tokenizer from its folder.

    Args:
        folder: What the settings name as the tokenizer.
        trained: What else they may name: the tokenizers that are trained.

    Raises:
        LmcourseError: It is not the folder of a tokenizer.
    """
    if not Path(folder, "tokenizer.json").exists():
        known = " nor ".join(f'"{name}"' for name in trained)
        raise LmcourseError(
            f"tokenizer {folder!r} is neither {known} nor a folder with a tokenizer.json"
        )
    return load_tokenizer(folder)


def new_model(settings: RunSettings, tokenizer: PreTrainedTokenizerBase, auto_class: Any) -> Any:
    """Make the model of the settings, with the vocabulary of a tokenizer.

    Raises:
        LmcourseError: Two settings contradict each other, or no model can be made of them.
    """
    config: Any = settings.config
    config.vocab_size = len(tokenizer)
    config.pad_token_id = tokenizer.pad_token_id
    try:
        config.validate()
        model = auto_class.from_config(config)
    except Exception as error:  # the strict dataclass wraps the errors of its validators
        raise LmcourseError(
            f"model settings of {settings.config_file}: {last_cause(error)}"
        ) from error
    check_vocabulary(model, tokenizer)
    return model


def new_trainer(
    trainer_class: type[ResumingTrainer],
    args: RunArguments,
    made_from: dict[str, Any],
    callbacks: Sequence[TrainerCallback] = (),
    **options: Any,
) -> ResumingTrainer:
    """Make a Trainer that shares its model.

    Args:
        trainer_class: What it is derived from.
        args: Settings of the training.
        made_from: What the run is made from, kept in each checkpoint.
        callbacks: Called before those of every run.
        **options: Further arguments of the Trainer.
    """
    args.restore_callback_states_from_checkpoint = True
    common = [ScheduleRemarks(), WallTime(), TimeLimit(), StopOnSignal()]
    if args.patience is not None:
        common.append(Patience(args.patience))
    trainer = with_sharing(trainer_class)(args=args, callbacks=[*callbacks, *common], **options)
    trainer.made_from = made_from
    # in a notebook the default is neither of the two, but a table that repeats our lines
    for printing in (host.DEFAULT_PROGRESS_CALLBACK, ProgressCallback, PrinterCallback):
        trainer.remove_callback(printing)
    if not args.disable_tqdm:
        trainer.add_callback(LineProgress)
    return trainer
