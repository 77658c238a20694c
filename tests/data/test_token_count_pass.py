"""The pass that counts tokens finds what is in the shards, once, and refuses what is not right."""

import gzip
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transformers import PreTrainedTokenizerBase

from hf_lmcourse import CharacterTokenizer, LmcourseError, WordTokenizer
from hf_lmcourse.data import load_corpus, shards, text_files
from hf_lmcourse.data.encoding import encode_split
from hf_lmcourse.data.shards import Shard
from hf_lmcourse.data.token_count_pass import stream_split
from hf_lmcourse.data.training_text_record import text_hashes
from hf_lmcourse.tokenization import DigitPatternTokenizer

LINES = [f"{n * n} of the Text, {n % 7}\r\n" for n in range(90)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Shards that end in line breaks, one of them empty, and one whose line break is missing."""
    texts = tmp_path / "texts"
    texts.mkdir()
    for number, part in enumerate((LINES[:30], [], LINES[30:31], LINES[31:])):
        text = "".join(part).encode()
        (texts / f"train-{number}.txt.gz").write_bytes(gzip.compress(text[:-2]))
    (texts / "validation.txt").write_text("some text\n")
    return texts


def without_line_breaks() -> PreTrainedTokenizerBase:
    """A tokenizer of another library, which knows whole lines only."""
    tokenizer = WordTokenizer.train("".join(LINES))
    tokenizer.split_special_tokens = False
    return tokenizer


TOKENIZERS = {
    "character": lambda: CharacterTokenizer.train("".join(LINES[:9])),
    "word": lambda: WordTokenizer.train("".join(LINES), lowercase=True, vocab_size=20),
    "digit_pattern": lambda: DigitPatternTokenizer.train("".join(LINES)),
    "of another library": without_line_breaks,
}


@pytest.mark.parametrize("name", TOKENIZERS)
def test_the_tokens_and_counts_are_those_of_the_whole_text(
    name: str, folder: Path, tmp_path: Path
) -> None:
    corpus, tokenizer = load_corpus(str(folder)), TOKENIZERS[name]()
    streamed = stream_split(corpus, "train", tokenizer, tmp_path)
    whole = encode_split(corpus, "train", tokenizer, tmp_path)
    every = streamed.tokens[np.arange(len(streamed.tokens))[None]][0]
    np.testing.assert_array_equal(every, whole.tokens)
    for count in ("characters", "bytes", "words", "unknown"):
        assert getattr(streamed, count) == getattr(whole, count)
    for token in set(every.tolist()):
        assert streamed.tokens.occurrences(token) == np.count_nonzero(every == token)
    assert streamed.tokens.counts.text_sha256 == text_hashes(corpus.pieces("train"))[0]


@pytest.mark.parametrize("name", TOKENIZERS)
def test_a_text_of_many_sections_is_tokenized_from_the_section_of_a_position_on(
    name: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus, tokenizer = load_corpus(str(folder)), TOKENIZERS[name]()
    whole = encode_split(corpus, "train", tokenizer, tmp_path).tokens
    monkeypatch.setattr(shards, "SECTION", 100)
    monkeypatch.setattr(text_files, "_BLOCK", 70)
    streamed = stream_split(corpus, "train", tokenizer, tmp_path).tokens
    assert [len(lengths) > 4 for lengths in streamed.counts.lengths] == [True, False, False, True]
    encode, tokenized = streamed._encode, []

    def recorded(pieces: Iterable[str]) -> Iterator[Any]:
        for part in encode(pieces):
            tokenized.append(len(part))
            yield part

    streamed._encode = recorded
    for position in (*range(0, len(whole) - 9, 37), 5, len(whole) - 9):
        tokenized.clear()
        index = np.arange(position, position + 9)[None]
        np.testing.assert_array_equal(streamed[index], whole[index])
        assert sum(tokenized) <= 500  # a section has at most 100 + 70 characters and a line


def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The shards that are read from now on."""
    found, pieces = list[str](), Shard.pieces

    def recorded(shard: Shard) -> Any:
        found.append(Path(shard.name).name)
        return pieces(shard)

    monkeypatch.setattr(Shard, "pieces", recorded)
    return found


def test_shards_are_counted_once(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer = TOKENIZERS["character"]()
    first = stream_split(load_corpus(str(folder)), "train", tokenizer, tmp_path)
    read = opened(monkeypatch)
    second = stream_split(load_corpus(str(folder)), "train", tokenizer, tmp_path)
    assert not read and second.tokens.counts == first.tokens.counts
    (folder / "train-1.txt.gz").write_bytes(b"no longer empty\n")
    third = stream_split(load_corpus(str(folder)), "train", tokenizer, tmp_path)
    assert len(read) == 4 and len(third.tokens) == len(first.tokens) + 16


def test_a_damaged_count_is_made_again(folder: Path, tmp_path: Path) -> None:
    corpus, tokenizer = load_corpus(str(folder)), TOKENIZERS["word"]()
    first = stream_split(corpus, "train", tokenizer, tmp_path)
    (file,) = tmp_path.glob("*.shards")
    file.write_bytes(file.read_bytes().replace(b"0", b"1"))
    assert stream_split(corpus, "train", tokenizer, tmp_path).tokens.counts == first.tokens.counts


def test_a_shard_that_cannot_be_read_is_named_and_nothing_is_kept(
    folder: Path, tmp_path: Path
) -> None:
    (folder / "train-3.txt.gz").write_bytes(gzip.compress(b"text " * 999)[:-9])
    with pytest.raises(LmcourseError, match=r"train-3\.txt\.gz"):
        stream_split(load_corpus(str(folder)), "train", TOKENIZERS["word"](), tmp_path)
    assert not list(tmp_path.glob("*.shards"))


def test_a_text_without_tokens_is_refused(tmp_path: Path) -> None:
    (tmp_path / "train-0.txt").write_text(" ")
    (tmp_path / "train-1.txt").write_text("")
    (tmp_path / "validation.txt").write_text("some text\n")
    tokenizer = TOKENIZERS["word"]()
    tokenizer.backend_tokenizer.normalizer = None  # it would make a token of each line break
    with pytest.raises(LmcourseError, match="train text of .* has no token"):
        stream_split(load_corpus(str(tmp_path)), "train", tokenizer, tmp_path)
