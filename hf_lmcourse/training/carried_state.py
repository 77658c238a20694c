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


def save_carried_state(cache: Cache, path: Path) -> None:
    """Write a state as safetensors, and beside it how many tokens it has seen."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(state_tensors(cache), path)
    path.with_suffix(".json").write_text(json.dumps({"length": cache.get_seq_length()}))


def load_carried_state(path: Path, config: PreTrainedConfig, device: torch.device) -> Cache | None:
    """What `save_carried_state` wrote; `None` where it wrote nothing."""
    if not path.exists():
        return None
    length = json.loads(path.with_suffix(".json").read_text())["length"]
    tensors = load_file(path, device=str(device))
    return restore_state(DynamicCache(config=config), tensors, length)
