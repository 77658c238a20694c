"""Run folders and the checkpoints in them."""

import json
from pathlib import Path

from ..errors import LmcourseError

CHECKPOINTS = "checkpoints"
"""The folder of checkpoints in a run folder."""


def last_complete_checkpoint(folder: Path) -> Path:
    """Find the newest complete checkpoint in the folder where Trainer saves.

    Trainer writes `trainer_state.json` last: a checkpoint without a readable one is incomplete and
    is skipped.

    Raises:
        LmcourseError: There is none.
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


def new_run_folder(wanted: Path) -> Path:
    """Choose the first of wanted, wanted-2, wanted-3, ... that does not exist or is empty."""
    folder, number = wanted, 1
    while folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        number += 1
        folder = wanted.with_name(f"{wanted.name}-{number}")
    return folder
