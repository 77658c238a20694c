"""Bytes of files and pipes, whatever their names."""

import gc
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hf_lmcourse import LmcourseError
from hf_lmcourse.data import load_corpus, packed_files
from hf_lmcourse.data.corpora import user_file, whole_file
from hf_lmcourse.data.packed_files import at_hand, unpacked
from hf_lmcourse.data.word_vectors import read_word_vectors

LINES = "".join(f"line {number}\n" for number in range(20))


@contextmanager
def pipe(path: Path, content: bytes) -> Iterator[Path]:
    """A named pipe into which something is written, once."""
    os.mkfifo(path)

    def write() -> None:
        try:
            path.write_bytes(content)
        except BrokenPipeError:
            pass

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    yield path
    writer.join(timeout=10)
    assert not writer.is_alive()


def test_a_pipe_is_read_once_and_cut_as_a_file(tmp_path: Path) -> None:
    with pipe(tmp_path / "pipe", LINES.encode()) as path:
        corpus = load_corpus(str(path))
    assert (corpus.name, corpus.splits) == ("pipe", ("train", "validation"))
    for _ in range(2):
        assert corpus.text("train") + corpus.text("validation") == LINES
    assert corpus.text("validation") == "line 18\nline 19\n"


def test_a_pipe_can_be_a_whole_text_or_word_vectors(tmp_path: Path) -> None:
    with pipe(tmp_path / "text", LINES.encode()) as path:
        assert user_file(str(path)) == path
        assert whole_file(path).text("whole text") == LINES
    with pipe(tmp_path / "vectors", b"a 1 2\nb 3 4\n") as path:
        assert read_word_vectors(path).words == ["a", "b"]


def test_a_pipe_without_a_text_is_refused(tmp_path: Path) -> None:
    with pipe(tmp_path / "zeros", bytes(9)) as path:
        with pytest.raises(LmcourseError, match="zeros begins with NUL"):
            load_corpus(str(path))
    with pipe(tmp_path / "nothing", b"") as path:
        with pytest.raises(LmcourseError, match="nothing is empty"):
            load_corpus(str(path)).text("train")


def test_copies_of_pipes_are_removed_in_the_end(tmp_path: Path) -> None:
    with pipe(tmp_path / "pipe", b"text") as path:
        copy = at_hand(path)
    assert copy.read_text() == "text"
    packed_files._copies.cache_clear()
    gc.collect()
    assert not copy.parent.parent.exists()


def test_a_file_is_at_hand(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(LINES)
    assert at_hand(tmp_path / "a.txt") == tmp_path / "a.txt"


def test_devices_and_folders_are_refused(tmp_path: Path) -> None:
    for name in ("/dev/zero", "/dev/null"):
        with pytest.raises(LmcourseError, match=f"{name} is neither a text file nor a folder"):
            load_corpus(name)
        with pytest.raises(LmcourseError, match=f"cannot read {name}: it is a device"):
            read_word_vectors(name)
    with pytest.raises(LmcourseError, match="cannot read .*: Is a directory"):
        read_word_vectors(tmp_path)
    with pytest.raises(LmcourseError, match="cannot read .*null"), unpacked(Path("a\0b")):
        pass
