"""Overlap of a text with a training text."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_lmcourse import LmcourseError
from hf_lmcourse.data.training_text_record import (
    TrainingTextRecord,
    read_record,
    text_hashes,
    write_record,
)
from hf_lmcourse.text_perplexity.training_text import (
    HashedTrainingText,
    TrainingText,
    given_training_text,
    recorded_training_text,
)

MERCY = "The quality of mercy is not strain'd,\nIt droppeth as the gentle rain from heaven\n"
OTHER = "Once more unto the breach, dear friends, once more; or close the wall up.\n"


def test_a_text_is_found_whatever_the_whitespace() -> None:
    text = TrainingText("play", OTHER + MERCY.replace("\n", "  \r\n") + OTHER)
    found = text.overlap(MERCY)
    assert (found.source, found.verbatim, found.windows, found.words) == ("play", True, 1, 1)


def test_a_changed_text_is_found_in_part() -> None:
    found = TrainingText("play", OTHER + MERCY).overlap(MERCY + " What else?\n")
    assert not found.verbatim
    line = " ".join((MERCY + " What else?").split())
    whole = len(" ".join(MERCY.split())) - 50 + 1  # stretches without anything new
    assert found.windows == pytest.approx(whole / (len(line) - 50 + 1))
    assert found.words == pytest.approx(15 / 17)


def test_a_foreign_text_is_not_found() -> None:
    found = TrainingText("play", MERCY).overlap("1642 QUALITY of Māori: mercy " * 3)
    assert not found.verbatim
    assert found.windows == 0
    assert found.words == pytest.approx(3 / 5)


@given(st.text("ab \n", min_size=1, max_size=120).filter(str.strip), st.text("ab \n", max_size=300))
def test_the_share_of_stretches_is_what_a_search_finds(part: str, text: str) -> None:
    line, where = " ".join(part.split()), " ".join(text.split())
    size = min(50, len(line))
    stretches = [line[i : i + size] for i in range(len(line) - size + 1)]
    found = TrainingText("text", text).overlap(part)
    assert found.windows == sum(s in where for s in stretches) / len(stretches)
    assert found.verbatim == (line in where)


def test_a_file_is_taken_whole_and_a_folder_by_its_training_split(tmp_path: Path) -> None:
    (tmp_path / "play.txt").write_text(OTHER * 20 + MERCY)
    assert given_training_text(str(tmp_path / "play.txt")).overlap(MERCY).verbatim
    (tmp_path / "train.txt").write_text(OTHER)
    (tmp_path / "validation.txt").write_text(MERCY)
    assert not given_training_text(str(tmp_path)).overlap(MERCY).verbatim


def test_what_was_held_out_is_not_in_it(tmp_path: Path) -> None:
    (tmp_path / "play.txt").write_text(OTHER + MERCY + OTHER)
    (tmp_path / "mercy.txt").write_text(MERCY)
    text = given_training_text(str(tmp_path / "play.txt"), [str(tmp_path / "mercy.txt")])
    assert text.source == "play without mercy"
    assert not text.overlap(MERCY).verbatim
    with pytest.raises(LmcourseError, match="does not occur verbatim"):
        given_training_text(str(tmp_path / "mercy.txt"), [str(tmp_path / "play.txt")])


def test_a_run_folder_says_what_it_was_trained_on(tmp_path: Path) -> None:
    (tmp_path / "play.txt").write_text(MERCY + OTHER * 20)
    (tmp_path / "mercy.txt").write_text(MERCY)
    corpus = str(tmp_path / "play.txt")
    for held_out in ([], [str(tmp_path / "mercy.txt")]):
        write_record(tmp_path, TrainingTextRecord(corpus, tuple(held_out)))
        record = read_record(tmp_path)
        assert record is not None and record.hold_out == tuple(held_out)
        text = recorded_training_text(tmp_path)
        assert text is not None and text.overlap(MERCY).verbatim == (not held_out)


def test_an_older_run_folder_says_so_by_its_result(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text(json.dumps({"corpus": "cpython-docs"}))
    text = recorded_training_text(tmp_path)
    assert text is not None and text.source == "cpython-docs"


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"corpus": "nowhere"}', '{"corpus": 3}'])
def test_a_folder_without_a_record_is_skipped(content: str, tmp_path: Path) -> None:
    assert recorded_training_text(tmp_path) is None
    (tmp_path / "training_text.json").write_text(content)
    assert recorded_training_text(tmp_path) is None


@pytest.mark.parametrize("spoilt", ["gone", "changed"])
def test_a_training_text_is_recognised_by_its_hash(spoilt: str, tmp_path: Path) -> None:
    train, rest = OTHER * 20, MERCY
    record = TrainingTextRecord("play.txt", (), *text_hashes([train], [rest]))
    if spoilt == "changed":
        (tmp_path / "play.txt").write_text(MERCY * 20)
        record = replace(record, corpus=str(tmp_path / "play.txt"))
    write_record(tmp_path, record)
    text = recorded_training_text(tmp_path)
    assert isinstance(text, HashedTrainingText)
    whole = text.overlap(train.replace("\n", "\r\n"))
    assert whole is not None and whole.verbatim and whole.windows == whole.words == 1
    with_validation = text.overlap(train + rest)
    assert with_validation is not None and not with_validation.verbatim
    assert 0.5 < with_validation.windows < 1
    assert text.overlap(OTHER) is None, "a part is not recognised, and not said to be foreign"


@pytest.mark.parametrize("corpus", ["shards", "hf://datasets/owner/texts"])
def test_a_text_in_many_shards_or_on_the_hub_is_recognised_without_reading_it(
    corpus: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shards").mkdir()
    for name in ("train-0.txt", "train-1.txt", "validation.txt"):
        (tmp_path / "shards" / name).write_text(f"{name}\n")
    (digest,) = text_hashes(["train-0.txt\ntrain-1.txt\n"])
    write_record(tmp_path, TrainingTextRecord(corpus, (), digest))
    found = recorded_training_text(tmp_path)
    assert isinstance(found, HashedTrainingText)
    whole, other = found.overlap("train-0.txt train-1.txt"), found.overlap("train-0.txt")
    assert whole is not None and whole.verbatim and other is None


@given(st.text("ab \n\r\t", max_size=200), st.integers(0, 200))
def test_the_hash_depends_on_words_alone(text: str, border: int) -> None:
    line = " ".join(text.split())
    assert text_hashes([text]) == text_hashes([line])
    border = text.find("\n", border) + 1
    first, rest = text[:border], text[border:]
    assert text_hashes([first, rest]) == text_hashes([text])
    assert text_hashes([first], [rest]) == [*text_hashes([first]), *text_hashes([text])]
    assert text_hashes([text]) != text_hashes([text + "c"])
