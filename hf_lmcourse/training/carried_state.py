"""Truncated backpropagation through time: the carried state and the length of its blocks."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from transformers import TrainerCallback
from transformers.cache_utils import DynamicCache

from ..errors import LmcourseError
from ..models.cache import restore_state
from ..models.carried_states import state_of_parts, state_parts
from ..models.weight_files import save_tensors
from ..report.json_files import write_json
from .checkpoint_record import reading


class ResetAtEpoch(TrainerCallback):
    """Reset the carried state at the start of each epoch."""

    def __init__(self, trainer: Any) -> None:
        self.trainer = trainer

    def on_epoch_begin(self, *args: Any, **kwargs: Any) -> None:
        """Start without a state, or with that of a checkpoint inside this epoch."""
        self.trainer.carried_state = self.trainer.resumed_state
        self.trainer.resumed_state = None


class LengthScaledRate(TrainerCallback):
    """Multiply the learning rate of each step by its block's length over the base length.

        rate of the step = rate * l / L

    The gradient is a mean over the tokens of a block: without scaling, a token in a short block
    would count for more. If several batches make a step, l is their mean length.

    Reference:
        Merity, Keskar and Socher 2018, Regularizing and Optimizing LSTM Language Models, 5.1.
    """

    def __init__(self) -> None:
        self._lengths: list[float] = []
        self._rates: list[float] = []

    def record(self, length: float) -> None:
        """Record the length of a batch as a share of the base length."""
        self._lengths.append(length)

    def on_pre_optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        """Scale the learning rates."""
        if not self._lengths:
            return
        groups = kwargs["optimizer"].param_groups
        self._rates = [group["lr"] for group in groups]
        factor = sum(self._lengths) / len(self._lengths)
        for group in groups:
            group["lr"] = group["lr"] * factor

    def on_optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        """Restore the schedule's own learning rates."""
        for group, rate in zip(kwargs["optimizer"].param_groups, self._rates, strict=False):
            group["lr"] = rate
        self._lengths, self._rates = [], []


def save_carried_state(state: Any, path: Path, cuts: dict[str, int]) -> None:
    """Write the tensors of a state as safetensors, its numbers and the cuts as JSON next to it.

    Args:
        state: The state of any model.
        path: Path of the safetensors file.
        cuts: How the text is cut into blocks, which determines what a step reads.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    parts = dict(enumerate(state_parts(state)))
    tensors = {str(n): part.contiguous() for n, part in parts.items() if torch.is_tensor(part)}
    save_tensors(tensors, path)
    numbers = {str(n): part for n, part in parts.items() if not torch.is_tensor(part)}
    write_json(path.with_suffix(".json"), {"numbers": numbers, "cuts": cuts})


def load_carried_state(
    path: Path, model: Any, state_name: str, device: torch.device, cuts: dict[str, int]
) -> Any:
    """Read what `save_carried_state` wrote.

    Args:
        path: Path of the safetensors file.
        model: The model, whose state it is.
        state_name: The argument in which it takes the state; see `state_argument`.
        device: Where the state is to be.
        cuts: How the text is cut into blocks now.

    Raises:
        LmcourseError: The file is missing or damaged, or the text is now cut in another way.
    """
    if not path.exists():
        raise LmcourseError(
            f"{path.parent} is inside an epoch and lacks {path.name}: name an older checkpoint "
            "with --resume_from_checkpoint"
        )
    counts = path.with_suffix(".json")
    with reading(path.parent, counts.name):
        about = json.loads(counts.read_text(encoding="utf-8"))
        before = about.get("cuts", cuts)
    with reading(path.parent, path.name):
        # safetensors refuses cpu:0, as accelerate calls the device of a process among several
        tensors = {name: tensor.to(device) for name, tensor in load_file(path).items()}
        if "length" in about:  # an earlier version, which knew the models of the package alone
            state = restore_state(DynamicCache(config=model.config), tensors, about["length"])
        else:
            parts = tensors | about["numbers"]
            in_order = [parts[str(number)] for number in range(len(parts))]
            state = state_of_parts(model, state_name, in_order)
    if before != cuts:
        raise LmcourseError(
            f"{path.parent} is inside an epoch of a text cut with {_format(before)}, and cannot go "
            f"on with {_format(cuts)}: resume with its batch size, processes and block_length"
        )
    return state


def _format(cuts: dict[str, int]) -> str:
    return ", ".join(f"{name} {number}" for name, number in cuts.items())
