"""Arrays in files without a name."""

import tempfile
from pathlib import Path

import numpy as np
import pytest

from hf_lmcourse import LmcourseError
from hf_lmcourse.data.file_array import FileArrays

BLOCKS = [(np.arange(n, 2 * n), np.arange(n) % 2) for n in (3, 0, 5)]


def test_blocks_are_joined_and_can_be_read_after_their_memory_was_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    files = FileArrays(iter(BLOCKS), (np.uint16, np.uint8))
    for _ in range(2):
        for number, array in enumerate(files.arrays):
            assert array.tolist() == np.concatenate([b[number] for b in BLOCKS]).tolist()
            assert not array.flags.writeable
        files.release()
    assert [array.dtype for array in files.arrays] == [np.uint16, np.uint8]
    assert list(tmp_path.iterdir()) == [], "nothing is left, however the process ends"


def test_no_block_is_an_empty_array() -> None:
    assert len(FileArrays(iter([]), (np.uint16,)).arrays[0]) == 0


def test_a_full_disk_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with pytest.raises(LmcourseError, match="cannot write the tokens .* TMPDIR"):
        FileArrays(iter(BLOCKS), (np.uint16, np.uint8))
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda: Path("/dev/full").open("r+b"))
    with pytest.raises(LmcourseError, match="No space left on device"):
        FileArrays(iter(BLOCKS), (np.uint16, np.uint8))
