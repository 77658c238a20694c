"""A text is read in pieces, known by its hash, and shows how far it is read."""

from typing import Any

import pytest
from tqdm import tqdm

from hf_lmcourse import LmcourseError
from hf_lmcourse.data import Corpus, corpus


def novel(*pieces: str) -> Corpus:
    return Corpus("novel", "local", ("train",), lambda split: iter(pieces))


def test_the_hash_is_that_of_the_text_whatever_its_pieces() -> None:
    whole = Corpus("novel", "local", ("train",), lambda split: "a b\u00e9")
    assert novel("a", " b\u00e9").digest("train") == whole.digest("train")
    assert novel("a b").digest("train") != whole.digest("train")
    assert novel("a", " b\u00e9").text("train") == "a b\u00e9"


def test_the_hash_is_that_of_the_last_reading() -> None:
    contents = iter(["a", "a", "b"])
    changing = Corpus("novel", "local", ("train",), lambda split: next(contents))
    first = changing.digest("train")
    assert changing.digest("train") == first
    assert [changing.text("train"), changing.digest("train") == first] == ["a", True]
    assert [changing.text("train"), changing.digest("train") == first] == ["b", False]


def test_no_text_and_no_split_are_refused() -> None:
    for read in (novel().text, novel().digest):
        with pytest.raises(LmcourseError, match="train text of novel is empty"):
            read("train")
        with pytest.raises(LmcourseError, match="novel has no test split"):
            read("test")


def test_the_second_reading_knows_how_long_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    bars: list[Any] = []

    class Bar(tqdm):
        def close(self) -> None:
            bars.append((self.total, self.n))
            super().close()

    monkeypatch.setattr(corpus, "tqdm", lambda **options: Bar(**options | {"disable": False}))
    text = novel("ab", "c")
    assert text.text("train") == text.text("train") == "abc"
    assert list(dict.fromkeys(bars)) == [(None, 3), (3, 3)]
