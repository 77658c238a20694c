"""Run folders and the checkpoints in them."""

import json
from pathlib import Path

from ..errors import LmcourseError

__all__ = ["CHECKPOINTS", "fresh_run_folder", "last_whole_checkpoint"]

CHECKPOINTS = "checkpoints"
"""The folder of checkpoints in a run folder."""


def last_whole_checkpoint(folder: Path) -> Path:
    """The newest checkpoint that was written to its end.

    Trainer writes `trainer_state.json` last, so a checkpoint whose writing was cut off has none
    that can be read, and is passed over.

    Args:
        folder: where Trainer saved.

    Returns:
        The checkpoint's folder.

    Raises:
        LmcourseError: there is none.
    """
    steps = {path: path.name.removeprefix("checkpoint-") for path in folder.glob("checkpoint-*")}
    numbered = [path for path, step in steps.items() if step.isdecimal()]
    for checkpoint in sorted(numbered, key=lambda path: int(steps[path]), reverse=True):
        try:
            json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        return checkpoint
    raise LmcourseError(
        f"no checkpoint to resume from in {folder}: run without --resume_from_checkpoint"
    )


def fresh_run_folder(wanted: Path) -> Path:
    """The folder wanted, or the first of wanted-2, wanted-3, ... that holds nothing yet."""
    folder, number = wanted, 1
    while folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        number += 1
        folder = wanted.with_name(f"{wanted.name}-{number}")
    return folder
