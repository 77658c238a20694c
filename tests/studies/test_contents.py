"""The data of a study are known by what is in them, not by where they are."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hf_lmcourse import CharacterTokenizer, LmcourseError
from hf_lmcourse.studies import contents as module
from hf_lmcourse.studies.contents import KnownContents, contents_of
from hf_lmcourse.training.arguments import DataArguments, LabelledDataArguments

TEXT = "one two three\nfour five six\nseven eight\nnine ten\n"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Everything that a language model's settings can name."""
    folder = tmp_path / "files"
    (folder / "corpus").mkdir(parents=True)
    for split in ("train", "validation", "test"):
        (folder / "corpus" / f"{split}.txt").write_text(TEXT * 3)
    (folder / "out.txt").write_text("four five six")
    (folder / "words.txt").write_text("one\t3\ntwo\t2\n")
    (folder / "vectors.txt").write_text("one 1 0\ntwo 0 1\n")
    CharacterTokenizer.train(TEXT).save_pretrained(folder / "tokenizer")
    return folder


def of_language_model(folder: Path) -> DataArguments:
    return DataArguments(
        corpus=str(folder / "corpus"),
        hold_out=[str(folder / "out.txt")],
        vocabulary=str(folder / "words.txt"),
        vectors=str(folder / "vectors.txt"),
        tokenizer=str(folder / "tokenizer"),
    )


def test_files_that_are_elsewhere_are_the_same(files: Path, tmp_path: Path) -> None:
    before = contents_of(of_language_model(files))
    assert before.keys() == {"corpus", "hold_out", "vocabulary", "vectors", "tokenizer"}
    shutil.move(files, tmp_path / "moved")
    assert contents_of(of_language_model(tmp_path / "moved")) == before


@pytest.mark.parametrize(
    ("name", "content", "setting"),
    [
        ("corpus/train.txt", TEXT * 4, "corpus"),
        ("corpus/validation.txt", TEXT * 4, "corpus"),
        ("corpus/test.txt", TEXT * 4, "corpus"),
        ("out.txt", "five six", "corpus"),
        ("words.txt", "one\t2\ntwo\t3\n", "vocabulary"),
        ("vectors.txt", "one 1 0\ntwo 0 2\n", "vectors"),
    ],
)
def test_a_file_with_other_contents_is_another_one(
    name: str, content: str, setting: str, files: Path
) -> None:
    before = contents_of(of_language_model(files))
    (files / name).write_text(content)
    after = contents_of(of_language_model(files))
    assert {key for key in before if before[key] != after[key]} == {setting}


def test_a_tokenizer_with_another_vocabulary_is_another_one(files: Path) -> None:
    before = contents_of(of_language_model(files))
    CharacterTokenizer.train(TEXT + "!").save_pretrained(files / "tokenizer")
    assert contents_of(of_language_model(files))["tokenizer"] != before["tokenizer"]


def test_labelled_texts_are_their_texts_and_their_classes(tmp_path: Path) -> None:
    tables = {
        "first": "text,label\na,yes\nb,no\nc,yes\n",
        "other text": "text,label\na,yes\nb,no\nd,yes\n",
        "other label": "text,label\na,yes\nb,no\nc,no\n",
        "other name": "text,label\na,yes\nb,never\nc,yes\n",
    }
    hashes = set()
    for content in tables.values():
        (tmp_path / "table.csv").write_text(content)
        hashes.add(contents_of(LabelledDataArguments(corpus=str(tmp_path / "table.csv")))["corpus"])
    assert len(hashes) == len(tables)


def test_what_is_missing_is_named(files: Path) -> None:
    (files / "vectors.txt").unlink()
    with pytest.raises(LmcourseError, match="vectors.txt"):
        contents_of(of_language_model(files))


def test_a_text_is_read_once_however_it_is_cut(
    files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Any] = []

    def counting(data: Any) -> dict[str, str]:
        read.append(data)
        return contents_of(data)

    monkeypatch.setattr(module, "contents_of", counting)
    known, data = KnownContents(), of_language_model(files)
    assert known.of(data) == known.of(replace(data, block_length=5))
    assert len(read) == 1
    assert known.of(replace(data, hold_out=None)) != known.of(data)
