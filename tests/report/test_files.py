"""Text files are written whole or not at all."""

from pathlib import Path

import pytest

from hf_lmcourse.errors import LmcourseError
from hf_lmcourse.report.files import write_text


def test_text_is_written_in_a_new_folder_and_replaced(tmp_path: Path) -> None:
    path = tmp_path / "new" / "page.md"
    for text in ("first\n", "é\n"):
        write_text(path, text)
        assert path.read_text(encoding="utf-8") == text
    assert list(path.parent.iterdir()) == [path]


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path) -> None:
    occupied = tmp_path / "page.md"
    occupied.mkdir()
    with pytest.raises(LmcourseError, match=r"page\.md"):
        write_text(occupied, "text")
    assert list(tmp_path.iterdir()) == [occupied]


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    with pytest.raises(LmcourseError, match=r"file.page\.md"):
        write_text(tmp_path / "file" / "page.md", "text")
