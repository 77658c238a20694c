"""Texts of a user: read as they are, or refused in one sentence."""

import gzip
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hf_lmcourse import LmcourseError
from hf_lmcourse.data import load_corpus, text_files
from hf_lmcourse.data.text_files import nine_tenths, read_text


def written(content: bytes, folder: Path) -> Path:
    path = folder / "a.txt"
    path.write_bytes(content)
    return path


@given(
    text=st.text(max_size=20), block=st.integers(1, 5), pack=st.sampled_from([bytes, gzip.compress])
)
@settings(deadline=None)
def test_what_is_written_is_read_whatever_the_blocks(
    text: str, block: int, pack: Callable[[bytes], bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = written(pack(f"\ufeff{text}.".encode()), tmp_path_factory.getbasetemp())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_files, "_BLOCK", block)
        if "\0" in text:
            with pytest.raises(LmcourseError, match="is 0x00"):
                read_text(path)
        else:
            assert read_text(path) == f"{text}."


@pytest.mark.parametrize("block", [1, 4, 1 << 16])
@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b"caf\xc3\xa9 caf\xe9\n", "byte 9 is 0xe9"),
        (b"\xef\xbb\xbfcaf\xe9\n", "byte 6 is 0xe9"),
        (b"cut \xc3", "byte 4 is 0xc3"),
        ("text\n".encode("utf-16"), "byte 0 is 0xff"),
        ("text\n".encode("utf-16-le"), "byte 1 is 0x00"),
        ("text\n".encode("utf-16-be"), "byte 0 is 0x00"),
        ("text\n".encode("utf-32"), "byte 0 is 0xff"),
        (b"12345\0", "byte 5 is 0x00"),
    ],
)
def test_what_is_not_utf_8_is_refused_with_its_place(
    content: bytes, place: str, block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_files, "_BLOCK", block)
    with pytest.raises(LmcourseError, match=rf"a.txt is not UTF-8 text \({place}\): convert it"):
        read_text(written(content, tmp_path))


def test_lines_that_end_in_carriage_returns_alone_are_refused(tmp_path: Path) -> None:
    path = written(b"one\rtwo\rthree\r", tmp_path)
    for name in (path, tmp_path):
        with pytest.raises(LmcourseError, match="a.txt end in carriage returns|train.txt end in"):
            load_corpus(str(name)).text("train")
        for split in ("train", "validation"):
            (tmp_path / f"{split}.txt").write_bytes(path.read_bytes())
    assert read_text(path) == "one\rtwo\rthree\r"
    path.write_bytes(b"one\rtwo\r\nthree\r\n")
    assert load_corpus(str(path)).text("train") == "one\rtwo\r\n"


@given(st.lists(st.text("ab\n", min_size=1, max_size=4), min_size=1, max_size=12))
def test_a_text_is_cut_at_the_same_line_whatever_its_pieces(parts: list[str]) -> None:
    text = "".join(parts)
    lines = text.removesuffix("\n").count("\n") + 1
    read = nine_tenths(lambda: iter(parts), "novel")
    if lines < 2:
        with pytest.raises(LmcourseError, match="only one line"):
            list(read("train"))
        return
    train, validation = ("".join(read(split)) for split in ("train", "validation"))
    assert train + validation == text
    assert train.endswith("\n")
    assert train.count("\n") == min(lines - 1, max(1, round(0.9 * lines)))


def test_the_lines_are_counted_once(tmp_path: Path) -> None:
    reads: list[int] = []

    def read() -> Iterator[str]:
        reads.append(len(reads))
        return iter(["a\nb\n", "c\n"])

    cut = nine_tenths(read, "novel")
    assert ["".join(cut(split)) for split in ("train", "train", "validation")] == [
        "a\nb\n",
        "a\nb\n",
        "c\n",
    ]
    assert len(reads) == 4


@given(
    content=st.binary(max_size=24)
    | st.text("ab\r\n\0\ufeff\u00e9", max_size=12).map(str.encode)
    | st.text(max_size=9).map(lambda text: text.encode("utf-16")),
    start=st.sampled_from([b"", b"\x1f\x8b", b"PK\x03\x04", b"\xef\xbb\xbf", b"-DOCSTART-\n"]),
    pack=st.sampled_from([bytes, gzip.compress]),
)
@settings(max_examples=200, deadline=None)
def test_any_file_is_a_corpus_or_refused_in_one_sentence(
    content: bytes,
    start: bytes,
    pack: Callable[[bytes], bytes],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = written(pack(start + content), tmp_path_factory.getbasetemp())
    try:
        corpus = load_corpus(str(path))
        texts = [corpus.text(split) for split in corpus.splits]
    except LmcourseError as error:
        assert "\n" not in str(error) and len(str(error)) < 300
    else:
        assert all(texts)
        assert all(first.endswith("\n") for first, _ in pairwise(texts))
