"""Shards by their names, and each of them read exactly or refused by its name."""

import gzip
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from hf_lmcourse import LmcourseError
from hf_lmcourse.data import load_corpus
from hf_lmcourse.data.shards import folder_shards, local_shard, pattern_shards


def write(path: Path, content: str | bytes | list[Any]) -> Path:
    """A file of text, bytes or, of a list, a table of one column "text"."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, list):
        parquet.write_table(pa.table({"text": content}), path)
    else:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def names(shards: dict[str, Any]) -> dict[str, list[str]]:
    return {split: [Path(shard.name).name for shard in found] for split, found in shards.items()}


def refused(path: Path) -> str:
    with pytest.raises(LmcourseError) as caught:
        list(local_shard(path).pieces())
    message = str(caught.value)
    assert path.name in message and len(message) < 300 and "\n" not in message
    return message


def test_the_names_of_files_or_of_folders_say_the_split(tmp_path: Path) -> None:
    for name in (
        *("train-1.txt", "train-0.txt.gz", "train/b.parquet", "train/deep/a.txt"),
        *("validation.txt", "test1.txt", "README.txt", "trainer.txt", ".train.txt", "train.py"),
    ):
        write(tmp_path / name, "a\n")
    assert names(folder_shards(tmp_path)) == {
        "train": ["b.parquet", "a.txt", "train-0.txt.gz", "train-1.txt"],
        "validation": ["validation.txt"],
        "test": ["test1.txt"],
    }


def test_the_last_shard_of_a_pattern_without_splits_is_for_validation(tmp_path: Path) -> None:
    for name in ("c.txt", "a.txt", "b.txt", "d.md"):
        write(tmp_path / name, f"{name}\n")
    pattern = str(tmp_path / "*.txt")
    assert names(pattern_shards(pattern)) == {
        "train": ["a.txt", "b.txt"],
        "validation": ["c.txt"],
    }
    corpus = load_corpus(pattern)
    assert corpus.text("train") == "a.txt\nb.txt\n" and corpus.text("validation") == "c.txt\n"
    write(tmp_path / "train.txt", "t\n")
    write(tmp_path / "validation.txt", "v\n")
    assert names(pattern_shards(pattern)) == {
        "train": ["train.txt"],
        "validation": ["validation.txt"],
    }


def test_patterns_of_too_few_or_of_other_files_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "a.txt", "a\n")
    write(tmp_path / "a.csv", "a\n")
    with pytest.raises(LmcourseError, match="only one shard"):
        load_corpus(str(tmp_path / "*.txt"))
    with pytest.raises(LmcourseError, match="names 0 files"):
        load_corpus(str(tmp_path / "*.parquet"))
    with pytest.raises(LmcourseError, match=r"a\.csv is not a shard"):
        load_corpus(str(tmp_path / "a.*"))


def test_the_texts_of_shards_follow_each_other_and_end_in_line_breaks(tmp_path: Path) -> None:
    write(tmp_path / "train-1.txt", "\N{ZERO WIDTH NO-BREAK SPACE}one\r\nöne")
    write(tmp_path / "train-2.txt", "")
    write(tmp_path / "train-3.txt.gz", gzip.compress(b"two\n"))
    write(tmp_path / "train-4.parquet", ["three\nand", "", "four\n"])
    write(tmp_path / "validation.txt", "five\n")
    corpus = load_corpus(str(tmp_path))
    assert corpus.splits == ("train", "validation")
    assert corpus.text("train") == "one\r\nöne\ntwo\nthree\nand\n\nfour\n"


def test_a_table_of_many_rows_is_read_in_parts(tmp_path: Path) -> None:
    rows = [f"row {n}" for n in range(2_500)]
    pieces = list(local_shard(write(tmp_path / "a.parquet", rows)).pieces())
    assert len(pieces) == 3 and "".join(pieces) == "".join(f"{row}\n" for row in rows)


def test_damaged_shards_are_refused_by_their_names(tmp_path: Path) -> None:
    whole = gzip.compress(b"some text\n" * 1000)
    refused(write(tmp_path / "cut.txt.gz", whole[:-20]))
    refused(write(tmp_path / "flipped.txt.gz", whole[:-8] + b"1234" + whole[-4:]))
    assert "byte 2" in refused(write(tmp_path / "latin.txt", b"ab\xfc\n"))
    refused(write(tmp_path / "cut.parquet", b"PAR1 and no more"))
    refused(write(tmp_path / "empty.parquet", b""))
    assert "row 2" in refused(write(tmp_path / "null.parquet", ["a", None]))
    assert "row 1 " in refused(write(tmp_path / "numbers.parquet", [1, 2]))
    parquet.write_table(pa.table({"body": ["a"], "id": [1]}), tmp_path / "other.parquet")
    assert "'text', not body, id" in refused(tmp_path / "other.parquet")


def test_missing_shards_are_named(tmp_path: Path) -> None:
    for number in (0, 2):
        write(tmp_path / f"train-{number:05}-of-00003.txt", "a\n")
    write(tmp_path / "validation.txt", "a\n")
    with pytest.raises(LmcourseError, match=r"train-00001-of-00003\.txt is missing"):
        load_corpus(str(tmp_path))
    (tmp_path / "train-00001-of-00003.txt").symlink_to(tmp_path / "nowhere")
    with pytest.raises(LmcourseError, match=r"train-00001-of-00003\.txt is missing"):
        load_corpus(str(tmp_path))


def test_a_pipe_among_the_shards_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "train-0.txt")
    write(tmp_path / "validation.txt", "a\n")
    with pytest.raises(LmcourseError, match=r"train-0\.txt is not a file"):
        load_corpus(str(tmp_path))


def test_a_shard_has_another_version_when_it_is_written_again(tmp_path: Path) -> None:
    first = local_shard(write(tmp_path / "a.txt", "a\n")).version
    assert local_shard(tmp_path / "a.txt").version == first
    assert local_shard(write(tmp_path / "a.txt", "bb\n")).version != first
