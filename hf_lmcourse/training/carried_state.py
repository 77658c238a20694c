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

_LENGTH = "length"


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

    A checkpoint of another number of processes, each of which wrote a file, is regrouped: a process
    reads the rows of its own streams.

    Args:
        path: Path of the safetensors file, the name of which ends in the number of this process.
        model: The model, whose state it is.
        state_name: The argument in which it takes the state; see `state_argument`.
        device: Where the state is to be.
        cuts: How the text is cut into blocks now.

    Raises:
        LmcourseError: The file is missing or damaged, or the text is now cut in another way.
    """
    before = _read_about(_of_process(path, 0) if "processes" in cuts else path).get("cuts", cuts)
    if before | {"processes": 0} != cuts | {"processes": 0}:
        raise LmcourseError(
            f"{path.parent} is inside an epoch of a text cut with {_format(before)}, and cannot go "
            f"on with {_format(cuts)}: resume with its number of streams and block_length"
        )
    with reading(path.parent, path.name):
        if before == cuts:
            parts = _read_parts(path)
        else:
            files = [_of_process(path, process) for process in range(before["processes"])]
            parts = _own_rows([_read_parts(file) for file in files], _process(path), cuts)
        # safetensors refuses cpu:0, as accelerate calls the device of a process among several
        parts = {n: p.to(device) if torch.is_tensor(p) else p for n, p in parts.items()}
        if _LENGTH in parts:  # an earlier version, which knew the models of the package alone
            length = parts.pop(_LENGTH)
            return restore_state(DynamicCache(config=model.config), parts, length)
        in_order = [parts[str(number)] for number in range(len(parts))]
        return state_of_parts(model, state_name, in_order)


def _read_parts(path: Path) -> dict[str, Any]:
    about = _read_about(path)
    numbers = {_LENGTH: about[_LENGTH]} if _LENGTH in about else about["numbers"]
    return {**load_file(path), **numbers}


def _read_about(path: Path) -> dict[str, Any]:
    if not path.exists():
        raise LmcourseError(
            f"{path.parent} is inside an epoch and lacks {path.name}: name an older checkpoint "
            "with --resume_from_checkpoint"
        )
    counts = path.with_suffix(".json")
    with reading(path.parent, counts.name):
        about: dict[str, Any] = json.loads(counts.read_text(encoding="utf-8"))
        if not isinstance(about.get("cuts", {}), dict):
            raise TypeError
        return about


def _own_rows(parts: list[dict[str, Any]], process: int, cuts: dict[str, int]) -> dict[str, Any]:
    """The rows of this process's streams, of the states of all processes that there were.

    Process p of P has the streams from p S / P on. Each tensor has a row for each stream.
    """
    rows = cuts["num_streams"] // cuts["processes"]
    own: dict[str, Any] = {}
    for name, first in parts[0].items():
        values = [part[name] for part in parts]
        if torch.is_tensor(first):
            whole = torch.cat(values)  # (streams, ...)
            if len(whole) != cuts["num_streams"]:
                raise ValueError(f"{len(whole)} rows of {cuts['num_streams']} streams")
            own[name] = whole[process * rows : (process + 1) * rows].contiguous()
        elif any(value != first for value in values):
            raise ValueError(f"{name} differs between processes")
        else:
            own[name] = first
    return own


def _of_process(path: Path, process: int) -> Path:
    """The file next to this one that another process wrote."""
    return path.with_stem(f"{path.stem.rpartition('_')[0]}_{process}")


def _process(path: Path) -> int:
    return int(path.stem.rpartition("_")[2])


def _format(cuts: dict[str, int]) -> str:
    return ", ".join(f"{name} {number}" for name, number in cuts.items())
