"""Files of word vectors: both formats, packed or not, and the number of every bad line."""

import gzip
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hf_lmcourse import LmcourseError
from hf_lmcourse.data.word_vectors import align_vectors, read_word_vectors, write_word_vectors
from hf_lmcourse.tokenization import WordPunctuationTokenizer

GLOVE = "the 1 2.5\n, -3e-1 4\nmusic 0 0\n"


@pytest.mark.parametrize("header", ["", "3 2\n"])
@pytest.mark.parametrize("packed", [False, True])
def test_both_formats_are_read(header: str, packed: bool, tmp_path: Path) -> None:
    path = tmp_path / ("vectors.txt.gz" if packed else "vectors.txt")
    content = (header + GLOVE).encode()
    path.write_bytes(gzip.compress(content) if packed else content)
    found = read_word_vectors(path)
    assert found.words == ["the", ",", "music"]
    torch.testing.assert_close(
        torch.from_numpy(found.vectors), torch.tensor([[1, 2.5], [-0.3, 4], [0, 0]])
    )


def test_blanks_at_the_ends_of_lines_are_no_values(tmp_path: Path) -> None:
    (tmp_path / "vectors.txt").write_text("the 1 2 \ncat 3 4\n")
    found = read_word_vectors(tmp_path / "vectors.txt")
    assert found.words == ["the", "cat"]
    assert found.vectors.tolist() == [[1, 2], [3, 4]]


def test_words_may_hold_blanks_and_the_first_of_two_counts(tmp_path: Path) -> None:
    path = tmp_path / "vectors.txt"
    path.write_text("a 1 2\n. . . 3 4\na 5 6\n")
    found = read_word_vectors(path)
    assert found.words == ["a", ". . ."]
    assert found.vectors.tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a 1 2\nb 3\n", "line 2 of .* has 1 values, not 2"),
        ("a 1 2\nb 3 four\n", "line 2 of .* has something that is not a number after 'b'"),
        ("3 2\na 1 2\n\n", "line 3 of .* has 0 values, not 2"),
        ("", "has no word vectors"),
    ],
)
def test_a_bad_line_is_reported_with_its_number(text: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "vectors.txt"
    path.write_text(text)
    with pytest.raises(LmcourseError, match=told):
        read_word_vectors(path)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LmcourseError, match="cannot read word vectors from .*nothing"):
        read_word_vectors(tmp_path / "nothing.txt")
    cut = tmp_path / "cut.txt.gz"
    cut.write_bytes(gzip.compress(GLOVE.encode() * 99)[:40])
    with pytest.raises(LmcourseError, match="cannot read word vectors"):
        read_word_vectors(cut)


@given(
    values=st.lists(st.lists(st.floats(-1e6, 1e6, width=32), min_size=2, max_size=2), max_size=5),
    header=st.booleans(),
)
@settings(max_examples=25, deadline=None)
def test_what_is_written_is_read_again_to_the_bit(
    values: list[list[float]], header: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("vectors") / "vectors.txt.gz"
    words = [f"w{index}" for index in range(len(values))]
    vectors = torch.tensor(values).reshape(-1, 2)
    assert write_word_vectors(path, words, vectors, header) == []
    if not values:
        return
    found = read_word_vectors(path)
    assert found.words == words
    assert torch.equal(torch.from_numpy(found.vectors), vectors)


def test_words_with_whitespace_are_left_out_and_reported(tmp_path: Path) -> None:
    path = tmp_path / "vectors.txt"
    words = ["a", " ", "\n", "b c", "d\u2028", "e"]
    assert write_word_vectors(path, words, torch.ones(6, 2), header=True) == words[1:5]
    assert path.read_text().startswith("2 2\na 1 1\n")
    assert read_word_vectors(path).words == ["a", "e"]


def test_vectors_are_aligned_with_a_vocabulary(tmp_path: Path) -> None:
    path = tmp_path / "vectors.txt"
    path.write_text(GLOVE)
    tokenizer = WordPunctuationTokenizer.train(["the film , the end"])
    found = align_vectors(path, tokenizer)
    assert tokenizer.convert_ids_to_tokens(found.ids.tolist()) == ["the", ","]
    assert found.type_coverage == pytest.approx(2 / len(tokenizer))
    tokens = torch.tensor(tokenizer("the film , the end")["input_ids"]).numpy()
    assert found.token_coverage(tokens) == pytest.approx(3 / 5)
    assert found.coverage(tokens) == {
        "vector_type_coverage": found.type_coverage,
        "vector_token_coverage": found.token_coverage(tokens),
    }
    other = WordPunctuationTokenizer.train(["nothing shared"])
    with pytest.raises(LmcourseError, match="no word of the vocabulary has a vector"):
        align_vectors(path, other)


def test_words_and_vectors_must_be_as_many(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="1 words and 2 vectors"):
        write_word_vectors(tmp_path / "vectors.txt", ["a"], torch.zeros(2, 3))


@pytest.mark.real_data
def test_glove_is_read_whole_and_knows_what_words_mean(data_dir: Path) -> None:
    found = read_word_vectors(data_dir / "glove" / "glove.6B.50d.subset.txt.gz")
    assert found.vectors.shape == (13_603, 50)
    vectors = torch.nn.functional.normalize(torch.from_numpy(found.vectors))
    place = {word: index for index, word in enumerate(found.words)}

    def cosine(one: str, other: str) -> float:
        return float(vectors[place[one]] @ vectors[place[other]])

    assert cosine("king", "queen") > 0.7 > cosine("king", "software")
