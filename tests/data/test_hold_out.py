"""Documents are held out of the training text, or refused."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_lmcourse import LmcourseError
from hf_lmcourse.data import Corpus, load_corpus
from hf_lmcourse.data.hold_out import hold_out

TEXT = "first\nsecond line\nthird\n" * 3
PASSAGE = "second line\nthird\n"


def corpus_of(text: str) -> Corpus:
    return Corpus("plays", "local", ("train", "validation"), lambda split: text)


def test_a_document_is_taken_out_wherever_it_occurs_in_the_training_text(tmp_path: Path) -> None:
    (tmp_path / "passage.txt").write_text(f"\n{PASSAGE}\n")
    corpus = hold_out(corpus_of(TEXT), [str(tmp_path / "passage.txt")])
    assert corpus.text("train") == "first\n\n" * 3
    assert corpus.text("validation") == TEXT
    assert (corpus.name, corpus.source) == ("plays", "local")


@given(st.text("ab\n", max_size=20), st.text("ab\n", min_size=1, max_size=20))
def test_what_is_left_is_what_stood_around_it(before: str, after: str) -> None:
    with TemporaryDirectory() as folder:
        Path(folder, "passage.txt").write_text("xyz")
        kept = hold_out(corpus_of(f"{before}xyz{after}"), ["passage.txt"], folder)
    assert kept.text("train") == before + after


@given(
    st.lists(st.text("ab", max_size=6), max_size=8),
    st.lists(st.text("ab", min_size=1, max_size=4), min_size=1, max_size=2, unique=True),
)
def test_a_text_in_pieces_loses_what_the_whole_text_loses(
    pieces: list[str], documents: list[str]
) -> None:
    text = whole = "".join(pieces)
    missing = False
    for document in documents:
        missing = missing or document not in text
        text = text.replace(document, "")
    with TemporaryDirectory() as folder:
        for number, document in enumerate(documents):
            Path(folder, f"{number}.txt").write_text(document)
        names = [f"{number}.txt" for number in range(len(documents))]
        for read in (lambda split: whole, lambda split: iter(pieces)):
            corpus = hold_out(Corpus("plays", "local", ("train",), read), names, folder)
            if missing or not text:
                with pytest.raises(LmcourseError, match="does not occur verbatim|is empty"):
                    corpus.text("train")
            else:
                assert corpus.text("train") == text


def test_nothing_to_hold_out_leaves_the_corpus(tmp_path: Path) -> None:
    corpus = corpus_of(TEXT)
    assert hold_out(corpus, []) is corpus


def test_a_document_that_is_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "passage.txt").write_text("second  line")
    corpus = hold_out(corpus_of(TEXT), [str(tmp_path / "passage.txt")])
    with pytest.raises(LmcourseError, match="passage.txt does not occur verbatim in the training"):
        corpus.text("train")


def test_an_empty_document_is_refused(tmp_path: Path) -> None:
    (tmp_path / "passage.txt").write_text(" \n")
    with pytest.raises(LmcourseError, match="has nothing but whitespace"):
        hold_out(corpus_of(TEXT), [str(tmp_path / "passage.txt")])


@pytest.mark.real_data
def test_the_passage_of_the_course_can_be_held_out_of_tiny_shakespeare(data_dir: Path) -> None:
    whole = load_corpus("tiny_shakespeare", data_dir)
    kept = hold_out(whole, ["tau-lm/shakespeare_for_perplexity.txt"], data_dir)
    text, rest = whole.text("train"), kept.text("train")
    assert rest == text[:51_094] + text[51_094 + 1_753 :]
    assert kept.text("validation") == whole.text("validation")
