"""The cost of a training: seconds per step and peak memory."""

import ctypes
import gc
import re
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

import torch
from transformers import Trainer, TrainerCallback, TrainerState
from transformers.trainer_callback import ExportableState


def reset_peak_memory() -> None:
    """Release unused memory, and reset the record of its peak."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    try:
        ctypes.CDLL("libc.so.6").malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        pass  # not Linux: no peak is recorded


def peak_memory() -> int | None:
    """Peak memory in bytes since `reset_peak_memory`.

    On a GPU this is the memory of tensors; otherwise that of the whole process, libraries included,
    on Linux, and `None` on another system.
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
    """Measure the time of the training steps, without evaluations, and the peak memory.

    Values are restored from a checkpoint, so that they include the time before an interruption.

    Attributes:
        steps: Number of timed steps.
        seconds: Their total duration.
        seconds_at: `seconds` at each log, by the number of the step.
        memory: Peak memory in bytes, see `peak_memory`.
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
        """Find it among a trainer's callbacks; resuming replaces the one that was added."""
        return next(c for c in trainer.callback_handler.callbacks if isinstance(c, cls))

    def as_record(self) -> dict[str, float | int | None]:
        """Return the measurements under their names in a study's file."""
        return {
            "steps": self.steps,
            "seconds_per_step": round(self.seconds / max(1, self.steps), 6),
            "peak_memory_bytes": self.memory,
        }

    def on_train_begin(self, *args: Any, **kwargs: Any) -> None:
        """Reset the peak memory."""
        reset_peak_memory()

    def on_step_begin(self, *args: Any, **kwargs: Any) -> None:
        """Start the clock."""
        self._began = time.perf_counter()

    def on_step_end(self, *args: Any, **kwargs: Any) -> None:
        """Stop the clock."""
        self.steps += 1
        self.seconds += time.perf_counter() - self._began

    def on_log(self, args: Any, state: TrainerState, *_: Any, **kwargs: Any) -> None:
        """Record the time."""
        self.seconds_at[state.global_step] = self.seconds

    def on_train_end(self, *args: Any, **kwargs: Any) -> None:
        """Record the peak memory."""
        self._record_peak()

    def state(self) -> dict[str, dict[str, Any]]:
        """Return what a checkpoint keeps."""
        self._record_peak()
        args = {
            "steps": self.steps,
            "seconds": self.seconds,
            "seconds_at": list(self.seconds_at.items()),
            "memory": self.memory,
        }
        return {"args": args, "attributes": {}}

    def _record_peak(self) -> None:
        peak = peak_memory()
        if peak is not None:
            self.memory = max(peak, self.memory or 0)
