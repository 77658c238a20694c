"""The record in a checkpoint: what it was made from, and the hashes of its files."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from transformers import TrainerState

from ..data.content_hash import file_hash
from ..errors import LmcourseError
from ..report.files import write_text

RECORD = "checkpoint.json"
"""Its name in a checkpoint."""

STATE = "trainer_state.json"

_OLDER = "name an older checkpoint with --resume_from_checkpoint"
_NEEDED = ("model.safetensors", "config.json", "optimizer.pt", "scheduler.pt")


@dataclass(frozen=True)
class CheckpointRecord:
    """The content of the file.

    Attributes:
        made_from: See `made_from`, what it was trained with.
        changes: What earlier resumed runs changed, a sentence each.
        files: SHA-256 of every other file of the checkpoint, by name.
    """

    made_from: dict[str, Any]
    changes: list[str]
    files: dict[str, str]


def begin_record(folder: Path, made_from: dict[str, Any], changes: list[str]) -> None:
    """Write a record without hashes, before the files; Trainer's state completes a checkpoint."""
    (folder / STATE).unlink(missing_ok=True)  # of a run that was resumed before this step
    _write(folder, {"made_from": made_from, "changes": changes})


def complete_record(folder: Path) -> None:
    """Add the hashes when every other file is written."""
    files = {
        path.relative_to(folder).as_posix(): file_hash(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != RECORD
    }
    _write(folder, json.loads((folder / RECORD).read_text(encoding="utf-8")) | {"files": files})


def _write(folder: Path, record: dict[str, Any]) -> None:
    write_text(folder / RECORD, json.dumps(record, indent=2) + "\n")


def read_record(folder: Path) -> CheckpointRecord | None:
    """Read the record of a checkpoint; `None` for one of an earlier version, which has none.

    Raises:
        LmcourseError: The record is damaged.
    """
    if not (folder / RECORD).exists():
        return None
    with reading(folder, RECORD):
        content = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        content.setdefault("files", {})  # the process was killed before it had the hashes
        parts = {"made_from": dict, "changes": list, "files": dict}
        if any(not isinstance(content[name], kind) for name, kind in parts.items()):
            raise TypeError
        return CheckpointRecord(**{name: content[name] for name in parts})


def read_state(folder: Path) -> TrainerState:
    """Read Trainer's own state of a checkpoint.

    Raises:
        LmcourseError: It is missing or damaged.
    """
    with reading(folder, STATE):
        state = TrainerState.load_from_json(str(folder / STATE))
        if not (isinstance(state.stateful_callbacks, dict) and state.global_step >= 1):
            raise ValueError
        return state


def check_files(folder: Path, processes: int) -> None:
    """Check that a checkpoint has every file that resuming needs, and none has changed.

    A checkpoint of an earlier version has no hashes: there, missing files are found, and damage of
    what torch wrote, which is a zip archive with a checksum of each part.

    Args:
        folder: The checkpoint.
        processes: How many processes resume.

    Raises:
        LmcourseError: A file is missing or damaged.
    """
    record = read_record(folder)
    several = [f"rng_state_{rank}.pth" for rank in range(processes)]
    needed = [*_NEEDED, *(several if processes > 1 else ["rng_state.pth"])]
    for name in [*needed, *(record.files if record else ())]:
        if not (folder / name).is_file():
            raise LmcourseError(f"{folder} lacks {name}: {_OLDER}")
        if record is None and name.endswith((".pt", ".pth")):
            _check_archive(folder, name)
    for name, expected in record.files.items() if record else ():
        with reading(folder, name):
            if file_hash(folder / name) != expected:
                raise ValueError


def _check_archive(folder: Path, name: str) -> None:
    with reading(folder, name), ZipFile(folder / name) as archive:
        if archive.testzip() is not None:  # torch itself does not look at the checksums
            raise ValueError


def check_best(folder: Path, state: TrainerState) -> Path | None:
    """Find the best checkpoint so far next to one that is resumed, wherever both are now.

    Raises:
        LmcourseError: Its weights are missing or damaged.
    """
    if state.best_model_checkpoint is None:
        return None
    best, weights = folder.with_name(Path(state.best_model_checkpoint).name), _NEEDED[0]
    if not (best / weights).is_file():
        raise LmcourseError(
            f"{folder} needs the best weights so far, and {best.name}/{weights} is missing: resume "
            "with --no_load_best_model_at_end, or from another checkpoint"
        )
    record = read_record(best)
    with reading(best, weights):
        if record is not None and record.files.get(weights) not in (
            None,
            file_hash(best / weights),
        ):
            raise ValueError
    return best


@contextmanager
def reading(folder: Path | str, name: str) -> Iterator[None]:
    """Turn whatever a damaged file raises into one sentence.

    Raises:
        LmcourseError: Naming the file and the checkpoint.
    """
    try:
        yield
    except LmcourseError:
        raise
    except Exception as error:  # torch, json and Trainer raise many types on damaged files
        raise LmcourseError(f"{name} of {folder} is damaged: {_OLDER}") from error
