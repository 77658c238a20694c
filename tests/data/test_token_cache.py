"""Tokenized text comes out of the cache as it went in, whatever happened to its files meanwhile."""

from collections.abc import Callable
from pathlib import Path

import pytest

from hf_lmcourse import LmcourseError
from hf_lmcourse.data import Corpus, encode_split
from hf_lmcourse.data.labelled_texts import LabelledTexts
from hf_lmcourse.data.ragged import encode_texts
from hf_lmcourse.data.token_cache import from_cache
from hf_lmcourse.tokenization import WordPunctuationTokenizer, WordTokenizer

TEXT = "a fine film , b c\n" * 20
TOKENIZER = WordTokenizer.train(TEXT)
REVIEWS = LabelledTexts(["A fine film .", "", "dull , dull"], [1, 0, 0])
REVIEW_TOKENIZER = WordPunctuationTokenizer.train(REVIEWS.texts)


def split_of(folder: Path) -> object:
    corpus = Corpus("novel", "local", ("train",), lambda split: TEXT)
    split = encode_split(corpus, "train", TOKENIZER, folder)
    counts = (split.characters, split.bytes, split.words, split.unknown)
    return split.tokens.tolist(), counts


def texts_of(folder: Path) -> object:
    texts = encode_texts(REVIEWS, REVIEW_TOKENIZER, folder)
    return texts.tokens.tolist(), texts.borders.tolist()


def flip(content: bytes, at: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "truncated": lambda content: content[: len(content) // 2],
    "one byte short": lambda content: content[:-1],
    "longer": lambda content: content + b"\0",
    "zeros": lambda content: bytes(len(content)),
    "first bit": lambda content: flip(content, 0),
    "a bit in the middle": lambda content: flip(content, len(content) // 2),
    "a bit near the end": lambda content: flip(content, len(content) - 2),
    "null": lambda content: b"null",
}


@pytest.mark.parametrize("encode", [split_of, texts_of])
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_file_is_made_again(
    damage: Callable[[bytes], bytes], encode: Callable[[Path], object], tmp_path: Path
) -> None:
    expected = encode(tmp_path)
    files = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert len(files) == 2
    for path, content in files.items():
        path.write_bytes(damage(content))
        assert encode(tmp_path) == expected
        assert {path: path.read_bytes() for path in tmp_path.iterdir()} == files


def test_what_is_undamaged_is_not_written_again(tmp_path: Path) -> None:
    def write(file: object) -> dict[str, int]:
        calls.append(file)
        return {"words": 3}

    calls: list[object] = []
    path = tmp_path / "tokens.npy"
    assert from_cache(path, write) == from_cache(path, write) == {"words": 3}
    assert len(calls) == 1


def test_a_folder_in_the_place_of_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "tokens.npy").mkdir()
    with pytest.raises(LmcourseError, match="cannot write tokenized text"):
        from_cache(tmp_path / "tokens.npy", lambda file: {})
