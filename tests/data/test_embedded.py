import re

from hf_lmcourse.data import load_corpus


def test_help_topics_are_some_465_000_characters_a_tenth_of_them_to_validate_on() -> None:
    corpus = load_corpus("cpython-docs")
    train, validation = corpus.text("train"), corpus.text("validation")
    assert corpus.source == "embedded"
    assert corpus.splits == ("train", "validation")
    assert 400_000 < len(train) + len(validation) < 700_000
    assert 0.05 < len(validation) / (len(train) + len(validation)) < 0.25
    assert train.endswith("\n") and validation.endswith("\n")


def test_no_paragraph_of_80_characters_is_in_both_splits() -> None:
    corpus = load_corpus("cpython-docs")
    train, validation = (
        {p.strip() for p in re.split(r"\n\s*\n", corpus.text(split)) if len(p.strip()) >= 80}
        for split in corpus.splits
    )
    assert train and validation
    assert not train & validation


def test_each_call_gives_the_same_text() -> None:
    first, second = load_corpus("cpython-docs"), load_corpus("cpython-docs")
    assert first.text("validation") == second.text("validation")
