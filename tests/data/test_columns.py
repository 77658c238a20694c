"""The course assignment's word-tag columns and its vocabulary file."""

import gzip
from pathlib import Path

import pytest

from hf_lmcourse import LmcourseError
from hf_lmcourse.data import encode_text, load_corpus
from hf_lmcourse.data.columns import read_vocabulary, sentences_of_columns
from hf_lmcourse.data.local_files import data_file
from hf_lmcourse.tokenization import DigitPatternTokenizer

COLUMNS = "-DOCSTART-\t X\n\nThe\tDT\nend\tNN\n\n\n-DOCSTART-\t X\n\n1,000\tCD\n.\t.\n"


def test_a_sentence_is_a_line_and_tags_are_left_out() -> None:
    assert sentences_of_columns(COLUMNS, "x") == "The end\n1,000 .\n"


def test_what_follows_the_last_blank_line_is_a_sentence_even_if_it_is_empty() -> None:
    assert sentences_of_columns(COLUMNS + "\n", "x") == "The end\n1,000 .\n\n"


@pytest.mark.parametrize("line", ["word", "two words\tDT", "a\tb\tc", "\tDT"])
def test_a_bad_line_is_reported_with_its_number(line: str) -> None:
    with pytest.raises(LmcourseError, match="line 5 of mine.txt is not a word, a tab and a tag"):
        sentences_of_columns(f"-DOCSTART-\t X\n\nThe\tDT\n\n{line}\n", "mine.txt")


def test_a_file_or_folder_in_columns_is_read_as_any_other(tmp_path: Path) -> None:
    for split in ("train", "validation"):
        (tmp_path / f"{split}.txt").write_text(COLUMNS)
    assert load_corpus(str(tmp_path)).text("train") == "The end\n1,000 .\n"
    packed = tmp_path / "mine.txt.gz"
    packed.write_bytes(gzip.compress(COLUMNS.encode()))
    assert load_corpus(str(packed)).text("validation") == "1,000 .\n"


def test_the_named_corpus_has_the_splits_whose_files_are_there(tmp_path: Path) -> None:
    (tmp_path / "tau-lm").mkdir()
    for name in ("ptb-dev", "ptb-test"):
        (tmp_path / "tau-lm" / f"{name}.txt").write_text(COLUMNS.replace("The", name))
    corpus = load_corpus("tau-lm", tmp_path)
    assert corpus.splits == ("validation", "test")
    assert corpus.text("validation").startswith("ptb-dev end\n")
    swapped = load_corpus("tau-lm-swapped", tmp_path)
    assert swapped.splits == ("train", "validation")
    assert swapped.text("train").startswith("ptb-test end\n")
    (tmp_path / "tau-lm" / "ptb-train.txt").write_text(COLUMNS)
    assert load_corpus("tau-lm", tmp_path).splits == ("train", "validation", "test")
    with pytest.raises(LmcourseError, match="put tau-lm/ptb-train.txt, ptb-dev.txt and ptb-test"):
        load_corpus("tau-lm", tmp_path / "tau-lm")


def test_a_vocabulary_is_the_first_column_without_its_padding(tmp_path: Path) -> None:
    path = tmp_path / "vocab.txt"
    path.write_text("the      \t9\t0.5\nof\t3\t0.2\n\nDG\n")
    assert read_vocabulary(path) == ["the", "of", "DG"]
    assert read_vocabulary(path, 2) == ["the", "of"]
    with pytest.raises(LmcourseError, match="has 3 words, not 4"):
        read_vocabulary(path, 4)
    path.write_text("the\r\n\nof\nthe\n")
    with pytest.raises(LmcourseError, match=r"line 4 of .*vocab.txt has the word 'the' of line 1"):
        read_vocabulary(path)
    assert read_vocabulary(path, 2) == ["the", "of"]
    path.write_text("the\t9\n  \t3\n")
    with pytest.raises(LmcourseError, match=r"line 2 of .*vocab.txt has no word"):
        read_vocabulary(path)


def test_a_vocabulary_is_read_in_one_pass(tmp_path: Path) -> None:
    """Comparing every word with all before it would take hours."""
    path, words = tmp_path / "vocab.txt", [str(number) for number in range(300_000)]
    path.write_text("\n".join([*words, words[-1]]))
    assert read_vocabulary(path, len(words)) == words
    with pytest.raises(LmcourseError, match="line 300001 .* '299999' of line 300000"):
        read_vocabulary(path)


def test_a_data_file_is_a_path_or_a_place_in_the_folder_of_corpora(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LMCOURSE_DATA", raising=False)
    packed = tmp_path / "glove" / "vectors.txt.gz"
    packed.parent.mkdir()
    packed.touch()
    assert data_file(str(packed)) == packed
    assert data_file("glove/vectors.txt", tmp_path) == packed
    with pytest.raises(LmcourseError, match="no file glove/vectors.txt, and no folder of corpora"):
        data_file("glove/vectors.txt")
    with pytest.raises(LmcourseError, match=f"no file nothing.txt, nor in {tmp_path}"):
        data_file("nothing.txt", tmp_path)


@pytest.mark.real_data
def test_the_development_text_has_the_targets_of_the_assignment(data_dir: Path) -> None:
    words = read_vocabulary(data_file("tau-lm/vocab.ptb.txt", data_dir), 2_000)
    tokenizer = DigitPatternTokenizer.of_vocabulary(words)
    tokens = encode_text(load_corpus("tau-lm", data_dir).text("validation"), tokenizer)
    targets = tokens[tokens != tokenizer.bos_token_id]
    assert len(tokens) - len(targets) == 2 * (targets == tokenizer.eos_token_id).sum() == 12_466
    assert len(targets) == 122_439
    assert (targets == tokenizer.unk_token_id).mean() == pytest.approx(0.154, abs=5e-4)
