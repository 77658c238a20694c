"""Files of word vectors: both formats, packed or not, and the number of every bad line."""

import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hf_lmcourse import LmcourseError
from hf_lmcourse.data.word_vectors import (
    WordVectors,
    align_vectors,
    read_word_vectors,
    write_word_vectors,
)
from hf_lmcourse.tokenization import WordPunctuationTokenizer

GLOVE = "the 1 2.5\n, -3e-1 4\nmusic 0 0\n"


def zipped(*contents: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for index, content in enumerate(contents):
            archive.writestr(f"folder/{index}.txt", content)
    return file.getvalue()


def read(content: str | bytes, folder: Path) -> WordVectors:
    path = folder / "vectors.txt"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_word_vectors(path)


@pytest.mark.parametrize(
    "header", ["", "3 2\n", "\ufeff", "\ufeff3 2\n", " 3\t 2 \r\n"], ids=range(5)
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress, zipped])
def test_both_formats_are_read_whatever_the_name(
    header: str, pack: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    found = read(pack((header + GLOVE).encode()), tmp_path)
    assert found.words == ["the", ",", "music"]
    torch.testing.assert_close(
        torch.from_numpy(found.vectors), torch.tensor([[1, 2.5], [-0.3, 4], [0, 0]])
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a\t1\t2\nb\t3\t4\n", ["a", "b"]),
        ("a\t1 2\nb  3   4\r\n", ["a", "b"]),
        ("a 1 2\n\n  \nb 3 4\n\n", ["a", "b"]),
        ("2 2\n\na 1 2\nb 3 4\n\n", ["a", "b"]),
        (". . . 1 2\nb 3 4\n", [". . .", "b"]),
        ("  1. 2\n\u00a0 3 4\n", [" ", "\u00a0"]),
        ("\x85 1 2\n\u3000 3 4\n", ["\x85", "\u3000"]),
        ("7 1 2\nnan 3 4\n", ["7", "nan"]),
        ("the\u00a0end +1. .2e1\nb 3E0 4\n", ["the\u00a0end", "b"]),
    ],
)
def test_words_and_values_are_separated_by_spaces_or_tabs(
    text: str, words: list[str], tmp_path: Path
) -> None:
    found = read(text, tmp_path)
    assert found.words == words
    assert found.vectors.tolist() == [[1, 2], [3, 4]]


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
        ("a 1 2\nb 3 4 5\n", "line 2 of .* has 3 values, not 2 as the lines before"),
        ("a 1 2\n. . 3 4 5\n", "line 2 of .* has 3 values, not 2"),
        ("a 1 2\n3\n", "line 2 of .* has 0 values, not 2"),
        ("1 2\na 1 2 3\n", "line 2 of .* has 3 values, not 2 as its first line says"),
        ("1 3\na 1 2\n", "line 2 of .* has 2 values, not 3 as its first line says"),
        ("1 3\n 1 2\n", "line 2 of .* has 2 values, not 3"),
        ("a 1 2\nb 3 four\n", "line 2 of .* has something that is not a number after 'b'"),
        ("a 1 x 2\n", "line 1 of .* has something that is not a number"),
        ("a 1 2\nb 1_0 2\n", "line 2 of .* has something that is not a number after 'b'"),
        ("a 1 2\nb 0x1 2\n", "line 2 of .* has something that is not a number"),
        ("a 1 2\n\nb nan 2\n", "line 3 of .* not a finite number after 'b'"),
        ("a 1 2\nb -inf 2\n", "line 2 of .* not a finite number after 'b'"),
        ("a 1 2\nb 1e400 2\n", "line 2 of .* not a finite number after 'b'"),
        ("a 1 2\nb 1e39 2\n", "line 2 of .* not a finite number after 'b'"),
        ("a 1 2\n 3 4\n", "line 2 of .* no word"),
        ("words\nof a text\n", "line 1 of .* is not a word and numbers"),
        ("a,1,2\n", "line 1 of .* is not a word and numbers"),
        ("3 2\na 1 2\n\n", "has 1 words, not 3 as its first line says"),
        ("1 2\na 1 2\nb 3 4\n", "has 2 words, not 1 as its first line says"),
        ("3 2\n", "has no word vectors"),
        ("3 0\na\n", "line 2 of .* is not a word and numbers"),
        ("\n \n", "has no word vectors"),
        ("", "has no word vectors"),
        (b"a 1 2\nb\xff 1 2\n", "line 2 of .* is not UTF-8"),
        ("a 1 2\n".encode("utf-16"), "line 1 of .* is not UTF-8"),
        ("a 1 2\n".encode("utf-16-le"), "line 1 of .* is not UTF-8"),
        (
            b"2 3\nab \0\0\x80?\x9a\x99\x19?\0\0",
            "line 2 of .* is not UTF-8.* binary file of word2vec",
        ),
        (zipped(b"a 1 2\n", b"b 1 2\n"), "zip archive of 2 files"),
        (zipped(b"a 1 2\n" * 99)[:-30], "zip archive that is damaged"),
        (bz2.compress(b"a 1 2\n"), "compressed with bzip2: unpack it"),
        (lzma.compress(b"a 1 2\n"), "compressed with xz: unpack it"),
    ],
)
def test_what_is_bad_is_reported_with_its_line(
    text: str | bytes, told: str, tmp_path: Path
) -> None:
    with pytest.raises(LmcourseError, match=told):
        read(text, tmp_path)


def test_values_of_unwanted_words_are_not_read_and_their_number_is_checked(tmp_path: Path) -> None:
    path = tmp_path / "vectors.txt"
    path.write_text("a 1 2\nb nan what\nc 3 4\n")
    assert read_word_vectors(path, "ac".__contains__).words == ["a", "c"]
    assert read_word_vectors(path, "".__contains__).vectors.shape == (0, 2)
    path.write_text("a 1 2\nb 1 2 3\n")
    with pytest.raises(LmcourseError, match="line 2 of .* has 3 values"):
        read_word_vectors(path, "a".__contains__)


def test_many_lines_are_read_in_their_order(tmp_path: Path) -> None:
    lines = [f"w{number} {number} {-number}" for number in range(10_000)]
    found = read("\n".join(lines), tmp_path)
    assert found.words == [f"w{number}" for number in range(10_000)]
    assert found.vectors.tolist() == [[number, -number] for number in range(10_000)]
    lines[9_000] = "w9000 1 nan"
    with pytest.raises(LmcourseError, match="line 9001 of"):
        read("\n".join(lines), tmp_path)


numbers = st.sampled_from(["1", "-.5", "2e3", "nan", "1e99", "1_0", "x", "", "3"])
vector_lines = st.lists(
    st.tuples(
        st.text(max_size=3) | st.sampled_from(["a", ". .", " ", "\ufeff", "2"]),
        st.sampled_from([" ", "\t", "  "]),
        st.lists(numbers, max_size=4),
    ).map(lambda parts: parts[0] + "".join(parts[1] + value for value in parts[2])),
    max_size=4,
).map(lambda lines: "\n".join(lines).encode("utf-8", "surrogatepass"))


@given(
    content=st.binary(max_size=30) | vector_lines,
    header=st.sampled_from([b"", b"2 2\n", b"1 3\n", b"\xef\xbb\xbf"]),
    pack=st.sampled_from([bytes, gzip.compress, zipped]),
    cut=st.integers(0, 200),
    byte=st.integers(0, 255),
)
@settings(max_examples=300, deadline=None)
def test_any_file_is_read_or_refused_in_one_sentence(
    content: bytes,
    header: bytes,
    pack: Callable[[bytes], bytes],
    cut: int,
    byte: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    damaged = bytearray(pack(header + content))
    damaged[cut : cut + 1] = [byte][: len(damaged) - cut]
    try:
        found = read(bytes(damaged), tmp_path_factory.getbasetemp())
    except LmcourseError as error:
        assert "\n" not in str(error) and len(str(error)) < 300
    else:
        assert len(found.words) == len(set(found.words)) == len(found.vectors)
        assert np.isfinite(found.vectors).all()


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
