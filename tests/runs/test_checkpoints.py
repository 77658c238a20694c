"""Which checkpoint is whole, and which folder is free."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_lmcourse import LmcourseError
from hf_lmcourse.runs.checkpoints import last_complete_checkpoint, new_run_folder


def checkpoint(folder: Path, step: int, state: str | None = None) -> Path:
    path = folder / f"checkpoint-{step}"
    path.mkdir(parents=True)
    content = json.dumps({"global_step": step}) if state is None else state
    (path / "trainer_state.json").write_text(content)
    return path


@given(steps=st.sets(st.integers(1, 10**6), min_size=1, max_size=5))
def test_the_newest_is_that_of_the_greatest_step(
    steps: set[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("checkpoints")
    paths = {step: checkpoint(folder, step) for step in steps}
    assert last_complete_checkpoint(folder) == paths[max(steps)]


@pytest.mark.parametrize("state", ["", '{"global_st'])
def test_a_checkpoint_whose_writing_was_cut_off_is_passed_over(state: str, tmp_path: Path) -> None:
    whole = checkpoint(tmp_path, 90)
    checkpoint(tmp_path, 100, state)
    (tmp_path / "checkpoint-110").mkdir()
    assert last_complete_checkpoint(tmp_path) == whole


def test_a_folder_of_another_name_is_no_checkpoint(tmp_path: Path) -> None:
    whole = checkpoint(tmp_path, 90)
    (tmp_path / "checkpoint-best").mkdir()
    assert last_complete_checkpoint(tmp_path) == whole


def test_without_a_checkpoint_the_folder_is_named(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(LmcourseError, match=f"no checkpoint to resume from in {folder}:"):
            last_complete_checkpoint(folder)


def test_a_folder_that_holds_nothing_is_taken(tmp_path: Path) -> None:
    assert new_run_folder(tmp_path / "run") == tmp_path / "run"
    (tmp_path / "run").mkdir()
    assert new_run_folder(tmp_path / "run") == tmp_path / "run"


def test_a_folder_in_use_gives_way_to_the_next_number(tmp_path: Path) -> None:
    for expected in ("run", "run-2", "run-3"):
        folder = new_run_folder(tmp_path / "run")
        assert folder == tmp_path / expected
        folder.mkdir()
        (folder / "file").touch()


def test_a_file_in_the_way_gives_way_too(tmp_path: Path) -> None:
    (tmp_path / "run").touch()
    assert new_run_folder(tmp_path / "run") == tmp_path / "run-2"
