import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from hf_lmcourse import LmcourseError
from hf_lmcourse.data import Corpus, encode_split, encode_text, encoding, load_corpus
from hf_lmcourse.tokenization import pieces, train_tokenizer

ALPHABET = "abc .\n\t<unk>eosA\u0130\u00e9\u2028\x0b\x1c\U0001f680"
WORDS = train_tokenizer("word", "ab <unk> b c . \u00e9 a\n<eos> unk\n")
CHARACTERS = train_tokenizer("character", ALPHABET.replace("c", ""))
LOWERCASE = train_tokenizer("word", "ab <unk> b \u00e9 a\u0130\n<eos> unk\n", lowercase=True)
DIGITS = train_tokenizer("digit_pattern", "ab dg,1 <unk> b 1,2 \u00e9 a\n</s> unk\n")
PUNCTUATION = train_tokenizer("word_punctuation", "ab . b\n")  # the library does all of it
OURS = pytest.mark.parametrize(
    "tokenizer",
    [CHARACTERS, WORDS, LOWERCASE, DIGITS, PUNCTUATION],
    ids=["character", "word", "lowercase", "digits", "punctuation"],
)

texts = st.lists(
    st.sampled_from(
        [*ALPHABET, "<unk>", "<eos>", "<pad>", "\n\n", " \n ", "\r\n", "ab" * 40]
        + [*"1,.Dg", "1,2", "\u3000", "\x85", "\xa0", "\u0661", "\r"]
    )
).map("".join)


def corpus_of(text: str) -> Corpus:
    return Corpus("novel", "local", ("train",), lambda split: text)


def refuse(*args: object) -> None:
    raise AssertionError("the text was tokenized again")


@OURS
@settings(deadline=None)
@given(text=texts, piece=st.sampled_from([1, 3, 10, 1 << 16]))
def test_text_in_pieces_has_the_ids_of_the_whole_text(
    text: str, piece: int, tokenizer: PreTrainedTokenizerBase
) -> None:
    whole = tokenizer(text, add_special_tokens=False)["input_ids"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "PIECE", piece)
        patch.setattr(encoding, "_BATCH", 2)
        assert encode_text(text, tokenizer).tolist() == whole


@OURS
def test_a_line_longer_than_a_piece_has_the_ids_of_the_whole_text(
    tokenizer: PreTrainedTokenizerBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "PIECE", 64)
    text = "a\n" + "b" * 200 + "ab <unk>" * 100 + "\n\nend"
    assert encode_text(text, tokenizer).tolist() == tokenizer(text)["input_ids"]


def test_padding_and_truncation_of_earlier_calls_leave_no_trace() -> None:
    tokenizer = train_tokenizer("word", "a b\n")
    tokenizer(["a b a", "b"], padding="max_length", max_length=2, truncation=True)
    assert len(encode_text("a b a b\n", tokenizer)) == 5


def test_special_strings_stay_single_tokens_for_a_tokenizer_that_wants_them_so() -> None:
    tokenizer = train_tokenizer("character", "<unk>\n")
    tokenizer.split_special_tokens = False
    assert encode_text("<unk>\n", tokenizer).tolist() == tokenizer("<unk>\n")["input_ids"]
    assert len(encode_text("<unk>\n", tokenizer)) == 2


def test_ids_are_stored_in_two_bytes_only_where_all_of_them_fit() -> None:
    vocabulary = {"<unk>": 0, "a": 65_535, "b": 65_536}
    backend = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="<unk>")
    assert encode_text("a b c\n", tokenizer).tolist() == [65_535, 65_536, 0]
    assert encode_text("a b\n", WORDS).dtype == np.uint16


@OURS
def test_a_split_is_memory_mapped_and_counted(
    tokenizer: PreTrainedTokenizerBase, tmp_path: Path
) -> None:
    text = "ab \u00e9\n\n c \U0001f680 zebra"
    encoded = encode_split(corpus_of(text), "train", tokenizer, tmp_path)
    assert isinstance(encoded.tokens, np.memmap)
    assert not encoded.tokens.flags.writeable
    ids = tokenizer(text)["input_ids"]
    assert encoded.tokens.tolist() == ids
    assert encoded.characters == len(text) == 16
    assert encoded.bytes == 16 + 1 + 3
    assert encoded.words == 5 + 2
    assert encoded.unknown == ids.count(tokenizer.unk_token_id) > 0


@OURS
@settings(deadline=None, max_examples=30)
@given(parts=st.lists(texts.filter(bool), min_size=1, max_size=4))
def test_pieces_that_are_cut_anywhere_have_the_ids_and_counts_of_the_text(
    parts: list[str], tokenizer: PreTrainedTokenizerBase, tmp_path_factory: pytest.TempPathFactory
) -> None:
    text, folder = "".join(parts), tmp_path_factory.mktemp("cache")
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    corpus = Corpus("novel", "local", ("train",), lambda split: iter(parts))
    if not ids:
        with pytest.raises(LmcourseError, match="nothing but whitespace"):
            encode_split(corpus, "train", tokenizer, folder)
        return
    encoded = encode_split(corpus, "train", tokenizer, folder)
    assert encoded.tokens.tolist() == ids
    assert encoded.characters == len(text)
    assert encoded.bytes == len(text.encode())
    assert encoded.words == len(text.split()) + text.count("\n")
    assert encoded.unknown == ids.count(tokenizer.unk_token_id)


def test_a_text_is_read_no_more_often_than_needed(tmp_path: Path) -> None:
    reads: list[str] = []

    def read(split: str) -> str:
        reads.append(split)
        return "ab a\n"

    corpus = Corpus("novel", "local", ("train", "validation"), read)
    tokenizer = train_tokenizer("word", corpus.pieces("train"))
    for _ in range(2):
        for split in corpus.splits:
            encode_split(corpus, split, tokenizer, tmp_path)
    # for the vocabulary, and for the ids; the validation text is the same and has ids already
    assert reads == ["train", "train", "validation"]


def test_a_text_that_changes_while_it_is_read_is_not_stored(tmp_path: Path) -> None:
    contents = iter(["ab a\n", "ab ab\n"])
    corpus = Corpus("novel", "local", ("train",), lambda split: next(contents))
    with pytest.raises(LmcourseError, match="train text of novel changed while it was read"):
        encode_split(corpus, "train", WORDS, tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_second_call_reads_the_cache_and_tokenizes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LMCOURSE_CACHE", str(tmp_path / "new" / "folder"))
    first = encode_split(corpus_of("ab a\n"), "train", WORDS)
    monkeypatch.setattr(encoding, "encoder_of", refuse)
    second = encode_split(corpus_of("ab a\n"), "train", WORDS)
    assert second.tokens.tolist() == first.tokens.tolist()
    assert (second.characters, second.bytes) == (first.characters, first.bytes) == (5, 5)
    assert len(list((tmp_path / "new" / "folder").iterdir())) == 2


def test_another_text_or_tokenizer_has_another_place_in_the_cache(tmp_path: Path) -> None:
    loose = train_tokenizer("character", ALPHABET.replace("c", ""))
    loose.split_special_tokens = False
    for text, tokenizer in [
        ("ab <unk>\n", WORDS),
        ("ab <unk>", WORDS),
        ("ab <unk>\n", CHARACTERS),
        ("ab <unk>\n", loose),
    ]:
        encoded = encode_split(corpus_of(text), "train", tokenizer, tmp_path)
        assert encoded.tokens.tolist() == tokenizer(text)["input_ids"]
    assert len(list(tmp_path.glob("*.npy"))) == 4


def test_a_tokenizer_that_was_saved_and_loaded_finds_the_cache_of_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    WORDS.save_pretrained(tmp_path / "tokenizer")
    loaded = PreTrainedTokenizerFast.from_pretrained(tmp_path / "tokenizer")
    first = encode_split(corpus_of("ab a\n"), "train", WORDS, tmp_path / "cache")
    monkeypatch.setattr(encoding, "encoder_of", refuse)
    again = encode_split(corpus_of("ab a\n"), "train", loaded, tmp_path / "cache")
    assert again.tokens.tolist() == first.tokens.tolist()


@pytest.mark.parametrize("fails_at", [0, 1])
def test_an_interrupted_write_is_never_read_and_leaves_nothing_behind(
    fails_at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = os.replace
    calls: list[str] = []

    def interrupted(source: Path, target: Path) -> None:
        calls.append(str(target))
        if len(calls) == fails_at + 1:
            raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        encode_split(corpus_of("ab a\n"), "train", WORDS, tmp_path)
    assert not list(tmp_path.glob("*.unfinished"))
    monkeypatch.setattr(os, "replace", replace)
    encoded = encode_split(corpus_of("ab a\n"), "train", WORDS, tmp_path)
    assert encoded.tokens.tolist() == WORDS("ab a\n")["input_ids"]


def test_what_a_killed_process_left_unfinished_is_not_read(tmp_path: Path) -> None:
    first = encode_split(corpus_of("ab a\n"), "train", WORDS, tmp_path)
    ids = first.tokens.tolist()
    (path,) = tmp_path.glob("*.npy")
    path.rename(path.with_name(f"{path.name}.1.unfinished"))
    assert encode_split(corpus_of("ab a\n"), "train", WORDS, tmp_path).tokens.tolist() == ids


def test_a_cache_that_cannot_be_written_is_an_error_that_names_the_setting(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "a file"
    folder.touch()
    with pytest.raises(LmcourseError, match="cannot write .* --cache_dir or LMCOURSE_CACHE"):
        encode_split(corpus_of("ab\n"), "train", WORDS, folder)


def test_a_text_of_blanks_has_no_word_and_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LmcourseError, match="train text of novel has nothing but whitespace"):
        encode_split(corpus_of("  \t "), "train", WORDS, tmp_path)
    with pytest.raises(LmcourseError, match="train text of novel is empty"):
        encode_split(corpus_of(""), "train", WORDS, tmp_path)


@pytest.mark.real_data
def test_real_text_in_pieces_has_the_ids_of_the_whole_text(data_dir: Path) -> None:
    text = load_corpus("ptb", data_dir).text("validation")
    for kind in ("character", "word"):
        tokenizer = train_tokenizer(kind, text[:200_000])
        assert encode_text(text, tokenizer).tolist() == tokenizer(text)["input_ids"]
