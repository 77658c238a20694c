"""Printing ends no command: neither a character, nor a reader that left, nor a full disk."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hf_lmcourse.report.printing import lasting_streams


def encoded_stream(encoding: str) -> tuple[io.BytesIO, io.TextIOWrapper]:
    content = io.BytesIO()
    return content, io.TextIOWrapper(content, encoding=encoding, write_through=True)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_a_character_that_the_terminal_lacks_is_escaped(
    encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, stream = encoded_stream(encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    with lasting_streams():
        sys.stdout.write("\u4eca \udc80")
    assert sys.stdout is stream and stream.errors == "strict"
    first = "\u4eca".encode() if encoding == "utf-8" else b"\\u4eca"
    assert content.getvalue() == first + b" \\udc80"


def test_a_reader_that_has_left_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    read, write = os.pipe()
    os.close(read)
    with open(write, "w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        with lasting_streams():
            for _ in range(3):
                sys.stdout.write("x" * 100_000)
                sys.stdout.flush()
            assert isinstance(sys.stdout.error, BrokenPipeError)


def test_a_closed_stream_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    with lasting_streams():
        sys.stdout.write("nobody reads this")
    assert sys.stdout is None


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_command_says_that_its_output_was_lost() -> None:
    command = [sys.executable, "-m", "hf_lmcourse.cli.main", "--help"]
    with open("/dev/full", "w") as full:
        ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert ended.returncode == 2
    assert ended.stderr == "lmcourse: cannot write the output: No space left on device\n"
