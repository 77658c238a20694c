"""The state that training carries along streams: forgotten at each epoch, kept in checkpoints."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from transformers import (
    PreTrainedConfig,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)
from transformers.cache_utils import Cache, DynamicCache

from ..errors import LmcourseError
from ..models.cache import restore_state, state_tensors

__all__ = ["ResetAtEpoch", "load_carried_state", "save_carried_state"]


class ResetAtEpoch(TrainerCallback):
    """Forget the state at the start of each pass over the corpus."""

    def __init__(self, trainer: Any) -> None:
        self.trainer = trainer

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Start the epoch without a state, or with the one of a checkpoint inside this epoch."""
        self.trainer.carried_state = self.trainer.resumed_state
        self.trainer.resumed_state = None


def save_carried_state(cache: Cache, path: Path, cuts: dict[str, int]) -> None:
    """Write a state as safetensors, and beside it how many tokens it has seen.

    Args:
        cache: the state.
        path: of the file.
        cuts: how the text is cut, on which the place of a step in it depends.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(state_tensors(cache), path)
    about = {"length": cache.get_seq_length(), "cuts": cuts}
    path.with_suffix(".json").write_text(json.dumps(about))


def load_carried_state(
    path: Path, config: PreTrainedConfig, device: torch.device, cuts: dict[str, int]
) -> Cache:
    """What `save_carried_state` wrote.

    Raises:
        LmcourseError: the file is missing, or the text is cut in another way now.
    """
    if not path.exists():
        raise LmcourseError(
            f"{path.parent} is inside an epoch and lacks {path.name}: name an older checkpoint "
            "with --resume_from_checkpoint"
        )
    about = json.loads(path.with_suffix(".json").read_text())
    before = about.get("cuts", cuts)
    if before != cuts:
        raise LmcourseError(
            f"{path.parent} is inside an epoch of a text that was cut with {_told(before)}, and "
            f"cannot go on with {_told(cuts)}: resume with the batch size, the number of processes "
            "and the block_length that it began with"
        )
    tensors = load_file(path, device=str(device))
    return restore_state(DynamicCache(config=config), tensors, about["length"])


def _told(cuts: dict[str, int]) -> str:
    return ", ".join(f"{name} {number}" for name, number in cuts.items())
