"""A checkpoint that is damaged or incomplete is named: nothing resumes to other weights."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hf_lmcourse import LmcourseError
from hf_lmcourse.training.checkpoint_record import RECORD
from hf_lmcourse.training.trainer import StreamTrainer

from .resumed_runs import assert_identical, fresh

RESUMED = (
    "model.safetensors",
    "config.json",
    "optimizer.pt",
    "scheduler.pt",
    "rng_state.pth",
    "trainer_state.json",
    "stream_state_0.safetensors",
    "stream_state_0.json",
)
"""The files that resuming reads, apart from the record."""

cut_off = st.floats(0, 0.999).map(lambda share: lambda data: data[: int(share * len(data))])
replaced = st.sampled_from([b"", b"{}", b"[]", b"null", b"{", b"\xff" * 64]).map(
    lambda content: lambda data: content
)
removed = st.just(lambda data: None)
flipped = st.tuples(st.floats(0, 0.999), st.integers(1, 255)).map(
    lambda where: (
        lambda data: (
            data[: (at := int(where[0] * len(data)))]
            + bytes([data[at] ^ where[1]])
            + data[at + 1 :]
        )
    )
)


def resumed_damaged(folder: Path, checkpoint: Path, name: str, damage: Any) -> StreamTrainer:
    """Resume a copy of a checkpoint of which a file is damaged or removed."""
    copy = Path(shutil.copytree(checkpoint, folder / checkpoint.name))
    content = damage((copy / name).read_bytes())
    (copy / name).unlink()
    if content is not None:
        (copy / name).write_bytes(content)
    run = fresh(folder / "on")
    torch.manual_seed(99)
    run.train(resume_from_checkpoint=str(copy))
    return run


def assert_same_or_refused(
    folder: Path, checkpoint: Path, name: str, damage: Any, whole: StreamTrainer
) -> None:
    try:
        run = resumed_damaged(folder, checkpoint, name, damage)
    except LmcourseError as error:
        message = str(error).replace(str(folder), "")
        assert len(message) < 300 and "\n" not in message
    else:
        assert_identical(run, whole)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(name=st.sampled_from([*RESUMED, RECORD]), damage=cut_off | replaced | removed | flipped)
def test_a_damaged_checkpoint_is_refused_or_ends_with_the_same_weights(
    name: str,
    damage: Any,
    whole: StreamTrainer,
    checkpoint: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    assert_same_or_refused(folder, checkpoint, name, damage, whole)


@pytest.mark.slow
@settings(max_examples=40, deadline=None, derandomize=True)
@given(name=st.sampled_from(RESUMED), damage=cut_off | replaced | removed)
def test_a_damaged_checkpoint_without_a_record_is_refused_or_ends_with_the_same_weights(
    name: str,
    damage: Any,
    whole: StreamTrainer,
    older: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    assert_same_or_refused(folder, older, name, damage, whole)


@pytest.mark.slow
@settings(max_examples=30, deadline=None, derandomize=True)
@given(name=st.sampled_from([n for n in RESUMED if "safetensors" not in n]), damage=flipped)
def test_a_flipped_byte_without_a_record_is_found_where_the_file_has_checksums_or_is_text(
    name: str,
    damage: Any,
    whole: StreamTrainer,
    older: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    assert_same_or_refused(folder, older, name, damage, whole)


@pytest.mark.parametrize("name", ["optimizer.pt", "rng_state.pth", "stream_state_0.json"])
def test_a_damaged_file_without_a_record_is_named(name: str, older: Path, tmp_path: Path) -> None:
    with pytest.raises(LmcourseError, match=f"{name} of .* is damaged"):
        middle = len((older / name).read_bytes()) // 2
        resumed_damaged(tmp_path, older, name, lambda data: data[:middle] + b"~" + data[middle:])


@pytest.mark.parametrize("name", RESUMED)
def test_a_file_that_is_missing_or_changed_is_named(
    name: str, whole: StreamTrainer, checkpoint: Path, tmp_path: Path
) -> None:
    for number, damage in enumerate((lambda data: None, lambda data: data + b" ")):
        with pytest.raises(LmcourseError, match=name):
            resumed_damaged(tmp_path / str(number), checkpoint, name, damage)
