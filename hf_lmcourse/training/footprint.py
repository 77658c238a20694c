"""What a training costs: seconds a step, and memory at its peak."""

import ctypes
import gc
import re
import time
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

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


class Footprint(TrainerCallback):
    """Measure the steps of a training without its evaluations, and its peak of memory.

    Attributes:
        steps: how many were timed.
        seconds: what they took together.
        seconds_at: what they had taken when Trainer wrote a log, by the number of the step.
        memory: bytes at the peak, see `peak_memory`.
    """

    def __init__(self) -> None:
        self.steps, self.seconds = 0, 0.0
        self.seconds_at: dict[int, float] = {}
        self.memory: int | None = None
        self._began = 0.0

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
        self.memory = peak_memory()
