from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hf_lmcourse import LmcourseError
from hf_lmcourse.data import encode_text, load_corpus
from hf_lmcourse.tokenization import WordTokenizer, train_tokenizer

WORDS = ["the", "cat", "sat", ".", "n't", "<unk>", "<pad>", "a<eos>", "##s", "\u00c9t\u00e9"]
TOKENIZER = WordTokenizer.train(" ".join(WORDS) + "\n")


@settings(deadline=None)
@given(st.lists(st.lists(st.sampled_from(WORDS)).map(" ".join)).map("\n".join))
def test_known_words_one_blank_apart_come_back_with_their_line_breaks(text: str) -> None:
    assert TOKENIZER.decode(TOKENIZER(text)["input_ids"]) == text


@settings(deadline=None)
@given(st.text(max_size=30), st.booleans())
def test_every_word_of_the_training_text_is_known_in_any_script(text: str, lower: bool) -> None:
    tokenizer = WordTokenizer.train(text.replace("<unk>", ""), lowercase=lower)
    assert tokenizer.unk_token_id not in tokenizer(text.replace("<unk>", ""))["input_ids"]


def test_ids_fall_in_frequency_and_special_tokens_have_no_privilege() -> None:
    tokenizer = WordTokenizer.train(["b b b a <unk> <unk>\n", "c a b\n", "d\n"])
    order = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    assert order == ["b", "<eos>", "<unk>", "a", "c", "d"]  # ties: code point order


def test_each_line_break_is_eos_and_blank_lines_are_kept() -> None:
    tokenizer = WordTokenizer.train("the cat\n")
    eos = tokenizer.eos_token_id
    assert tokenizer("\n\n the  cat \n")["input_ids"][:2] == [eos, eos]
    assert tokenizer.decode(tokenizer("\n\n the  cat \n")["input_ids"]) == "\n\nthe cat\n"


def test_unknown_words_become_unk() -> None:
    assert TOKENIZER.decode(TOKENIZER("the zebra sat")["input_ids"]) == "the <unk> sat"


def test_a_special_string_inside_a_word_does_not_cut_it() -> None:
    assert TOKENIZER("a<eos>")["input_ids"] == [TOKENIZER.get_vocab()["a<eos>"]]
    assert TOKENIZER("cat<unk>sat")["input_ids"] == [TOKENIZER.unk_token_id]


def test_a_smaller_vocabulary_keeps_the_most_frequent_words_and_counts_the_rest_as_unk() -> None:
    tokenizer = WordTokenizer.train("a a a b b c d\n", vocab_size=4)
    assert tokenizer.convert_ids_to_tokens([0, 1, 2, 3]) == ["a", "<unk>", "b", "<eos>"]
    assert len(WordTokenizer.train("a a a b b c d\n", min_frequency=2)) == 4
    with pytest.raises(LmcourseError, match="no room for <unk> and <eos>"):
        WordTokenizer.train("a", vocab_size=1)


def test_lower_case_makes_one_entry_of_capital_and_small() -> None:
    tokenizer = train_tokenizer("word", "The the THE\n", lowercase=True)
    assert tokenizer("the tHE")["input_ids"] == [0, 0]
    assert len(tokenizer) == 3


def test_padding_is_eos_on_the_left_and_masked() -> None:
    batch = TOKENIZER(["the cat", "cat"], padding=True)
    assert batch["attention_mask"] == [[1, 1], [0, 1]]
    assert batch["input_ids"][1][0] == TOKENIZER.eos_token_id == TOKENIZER.pad_token_id
    assert "token_type_ids" not in batch


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "entries", "counts"),
    [
        ("wikitext-2", 33_278, {"train": 2_088_628, "validation": 217_646, "test": 245_569}),
        ("ptb", 10_000, {"train": 929_589, "validation": 73_760, "test": 82_430}),
    ],
)
def test_published_vocabularies_and_token_counts_come_out(
    data_dir: Path, name: str, entries: int, counts: dict[str, int]
) -> None:
    corpus = load_corpus(name, data_dir)
    tokenizer = train_tokenizer("word", corpus.text("train"))
    assert len(tokenizer) == entries
    encoded = {split: encode_text(corpus.text(split), tokenizer) for split in corpus.splits}
    assert {split: len(tokens) for split, tokens in encoded.items()} == counts
    frequencies = [int((encoded["train"] == index).sum()) for index in range(0, entries, 500)]
    assert frequencies == sorted(frequencies, reverse=True)
