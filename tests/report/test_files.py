"""Text files are written whole or not at all."""

import os
from pathlib import Path
from typing import Any

import pytest

from hf_lmcourse.errors import LmcourseError
from hf_lmcourse.report.files import check_writable, write_text


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


def test_what_a_killed_process_left_is_removed_and_what_another_one_writes_is_not(
    tmp_path: Path,
) -> None:
    left, running, own = (tmp_path / n for n in (".a.7.unfinished", ".b.8.unfinished", "notes"))
    for path in (left, running, own):
        path.write_text("half")
    for path in (left, own):
        os.utime(path, (0, 0))
    write_text(tmp_path / "page.md", "text")
    assert sorted(tmp_path.iterdir()) == sorted([running, own, tmp_path / "page.md"])


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    with pytest.raises(LmcourseError, match=r"file.page\.md"):
        write_text(tmp_path / "file" / "page.md", "text")


def test_a_write_without_space_keeps_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "page.md").write_text("old")
    write = Path.write_text

    def half(self: Path, text: str, **options: Any) -> int:
        write(self, text[:3], **options)
        raise OSError("7 requested and 3 written")  # as numpy does: without a strerror

    monkeypatch.setattr(Path, "write_text", half)
    with pytest.raises(LmcourseError, match=r"page\.md: 7 requested"):
        write_text(tmp_path / "page.md", "new text")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_a_folder_is_tried_and_left_as_it_was(tmp_path: Path) -> None:
    check_writable(tmp_path / "new" / "folder", "--output_dir")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("text")
    for place in (tmp_path / "file" / "x", Path("/proc/x"), tmp_path / "a\0b"):
        with pytest.raises(LmcourseError, match="--output_dir"):
            check_writable(place, "--output_dir")
