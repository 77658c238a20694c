"""What a training costs: seconds a step, and memory at its peak."""

import ctypes
import gc
import re
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

import torch
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_callback import ExportableState

__all__ = ["Footprint", "peak_memory", "reset_peak_memory"]


def reset_peak_memory() -> None:
    """Give back what nobody needs, and begin to look for the peak anew."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    try:
        ctypes.CDLL("libc.so.6").malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        pass  # not Linux: there is no peak to reset, and none is told


def peak_memory() -> int | None:
    """Bytes at the peak since `reset_peak_memory`.

    On a GPU those of its tensors; otherwise those of the whole process, libraries included, as
    Linux counts them. `None` on another system.
    """
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    try:
        status = Path("/proc/self/status").read_text(encoding="utf-8")
    except OSError:
        return None
    found = re.search(r"^VmHWM:\s+(\d+) kB", status, flags=re.MULTILINE)
    return None if found is None else 1024 * int(found.group(1))


class Footprint(TrainerCallback, ExportableState):
    """Measure the steps of a training without its evaluations, and its peak of memory.

    All pieces of an interrupted training count, up to the checkpoint that it went on from.

    Attributes:
        steps: how many were timed.
        seconds: what they took together.
        seconds_at: what they had taken when Trainer wrote a log, by the number of the step.
        memory: bytes at the peak, see `peak_memory`.
    """

    def __init__(
        self,
        steps: int = 0,
        seconds: float = 0.0,
        seconds_at: Iterable[tuple[int, float]] = (),
        memory: int | None = None,
    ) -> None:
        self.steps, self.seconds = steps, seconds
        self.seconds_at = dict(seconds_at)
        self.memory = memory
        self._began = 0.0

    @classmethod
    def of(cls, trainer: Trainer) -> Self:
        """The one among a trainer's callbacks, made anew where it goes on from a checkpoint."""
        return next(c for c in trainer.callback_handler.callbacks if isinstance(c, cls))

    def as_record(self) -> dict[str, float | int | None]:
        """The figures by the names of a study's file."""
        return {
            "steps": self.steps,
            "seconds_per_step": round(self.seconds / max(1, self.steps), 6),
            "peak_memory_bytes": self.memory,
        }

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Forget the peaks before."""
        reset_peak_memory()

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Start the watch."""
        self._began = time.perf_counter()

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Stop it."""
        self.steps += 1
        self.seconds += time.perf_counter() - self._began

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Note the time."""
        self.seconds_at[state.global_step] = self.seconds

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Note the peak."""
        self._note_peak()

    def state(self) -> dict[str, dict[str, Any]]:
        """What a checkpoint keeps."""
        self._note_peak()
        args = {
            "steps": self.steps,
            "seconds": self.seconds,
            "seconds_at": list(self.seconds_at.items()),
            "memory": self.memory,
        }
        return {"args": args, "attributes": {}}

    def _note_peak(self) -> None:
        peak = peak_memory()
        if peak is not None:
            self.memory = max(peak, self.memory or 0)
