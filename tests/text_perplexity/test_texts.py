"""Texts are read raw and after preprocessing."""

from pathlib import Path

import numpy as np
import pytest

from hf_lmcourse import LmcourseError
from hf_lmcourse.text_perplexity.preprocessing import preprocessing
from hf_lmcourse.text_perplexity.texts import read_texts


def test_texts_are_read_raw_and_after_each_chain(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "same.txt").write_text("To  be\r\n")
    (tmp_path / "other.txt").write_text("no change\n")
    names = [str(tmp_path / "a/same.txt"), str(tmp_path / "b/same.txt")]
    texts = read_texts([*names, "other.txt"], [preprocessing("course")], str(tmp_path))
    assert [p.name for p in texts] == [*np.repeat(names, 2), "other", "other"]
    assert [p.preprocessing for p in texts] == ["raw", "course"] * 3
    assert [p.content for p in texts[:2]] == ["To  be\r\n", "to be\n"]
    assert [p.changed for p in texts] == [0, 3 / 8, 0, 3 / 8, 0, 0]


def test_texts_of_only_whitespace_are_refused(tmp_path: Path) -> None:
    (tmp_path / "blank.txt").write_text(" \n")
    with pytest.raises(LmcourseError, match=r"blank \(raw\) contains only whitespace"):
        read_texts([str(tmp_path / "blank.txt")])
