"""A Trainer whose checkpoints fail in one sentence, and hold strict JSON."""

import math
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import nn
from transformers import Trainer

from ..errors import LmcourseError, reason

_LITTLE = 1 << 20
"""Bytes: with fewer on the device, that is why a file could not be written."""


class SavingTrainer(Trainer):
    """transformers' Trainer, but for what happens when a disk is full, and for NaN in its log."""

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Save the model, see transformers.

        Raises:
            LmcourseError: It cannot be written.
        """
        with _explained(Path(output_dir or str(self.args.output_dir))):
            super().save_model(output_dir, _internal_call)

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        with _explained(Path(self._get_output_dir(trial=trial))):
            super()._save_checkpoint(model, trial)

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Leave out what is no finite number: JSON has none, and checkpoints keep the log."""
        finite = {name: value for name, value in logs.items() if math.isfinite(value)}
        super().log(finite, start_time)


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except LmcourseError:
        raise
    except Exception as error:  # torch, safetensors and tokenizers raise a type each
        full = folder.is_dir() and shutil.disk_usage(folder).free < _LITTLE
        why = "no space left on the device" if full else reason(error).splitlines()[0]
        raise LmcourseError(
            f"cannot save in {folder} ({why}): what was saved before is kept; make room, and go on "
            "with --resume_from_checkpoint"
        ) from error
