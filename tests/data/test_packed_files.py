"""Bytes of files and pipes, whatever their names."""

import gzip
import io
import os
import tempfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hf_lmcourse import LmcourseError
from hf_lmcourse.data import load_corpus
from hf_lmcourse.data.corpora import user_file, whole_file
from hf_lmcourse.data.packed_files import at_hand, unpacked
from hf_lmcourse.data.pipe_copy import PipeCopy
from hf_lmcourse.data.word_vectors import read_word_vectors

LINES = "".join(f"line {number}\n" for number in range(20))


def zipped(content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("text", content)
    return file.getvalue()


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


def test_a_copy_of_a_pipe_has_no_name_that_could_be_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    with pipe(tmp_path / "pipe", LINES.encode()) as path:
        copy = at_hand(path)
    assert isinstance(copy, PipeCopy) and (str(copy), copy.name) == (str(path), "pipe")
    assert list(temporary.iterdir()) == []
    with copy.open() as first, copy.open() as second:
        assert first.readline() == second.readline() == b"line 0\n"
    with pipe(tmp_path / "more", b"text") as path:
        monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: open("/dev/full", "r+b", 0))
        with pytest.raises(LmcourseError, match="cannot copy .*more .*No space.*TMPDIR"):
            at_hand(path)


@pytest.mark.parametrize("pack", [gzip.compress, zipped])
def test_what_comes_out_of_a_pipe_may_be_packed(
    pack: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    with pipe(tmp_path / "pipe", pack(LINES.encode())) as path:
        corpus = whole_file(path)
    assert corpus.text("whole text") == corpus.text("whole text") == LINES


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
