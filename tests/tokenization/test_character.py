from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hf_lmcourse import LmcourseError
from hf_lmcourse.data import load_corpus
from hf_lmcourse.tokenization import CharacterTokenizer, train_tokenizer

# a zero-width joiner makes one picture of two emoji: the tokenizer must not see one character
ALPHABET = "<unkpad>eos ab.,'\n\r\t\u00e9\u0301\u200d\U0001f469\U0001f680"
TOKENIZER = CharacterTokenizer.train(ALPHABET)
SPECIAL_STRINGS = ["<unk>", "<pad>", "<eos>", "\r\n", "\n\n", " .", "  "]


@settings(deadline=None)
@given(st.lists(st.sampled_from([*ALPHABET, *SPECIAL_STRINGS])).map("".join))
def test_text_of_known_characters_comes_back_exactly(text: str) -> None:
    ids = TOKENIZER(text)["input_ids"]
    assert len(ids) == len(text)
    assert TOKENIZER.decode(ids) == text
    assert TOKENIZER.decode(ids, skip_special_tokens=True) == text


def test_ids_are_padding_then_unknown_then_code_point_order() -> None:
    tokenizer = CharacterTokenizer.train(["ba", "\n", "b\U0001f680"])
    assert tokenizer.convert_ids_to_tokens(list(range(len(tokenizer)))) == [
        "<pad>",
        "<unk>",
        "\n",
        "a",
        "b",
        "\U0001f680",
    ]
    assert (tokenizer.pad_token_id, tokenizer.unk_token_id, tokenizer.eos_token_id) == (0, 1, None)


def test_a_text_gives_the_same_tokenizer_whole_or_in_pieces() -> None:
    whole = CharacterTokenizer.train("to be\nor not")
    assert whole.get_vocab() == CharacterTokenizer.train(iter(["to be\n", "or not"])).get_vocab()


def test_unknown_characters_become_unk_one_by_one() -> None:
    ids = CharacterTokenizer.train("ab")("a\u4e16\u754cb")["input_ids"]
    assert ids == [2, 1, 1, 3]
    assert CharacterTokenizer.train("ab").decode(ids) == "a<unk><unk>b"


def test_batches_are_padded_on_the_left_without_token_types() -> None:
    batch = CharacterTokenizer.train("ab")(["ab", "b"], padding=True)
    assert batch.data == {
        "input_ids": [[2, 3], [0, 3]],
        "attention_mask": [[1, 1], [0, 1]],
    }


def test_a_saved_tokenizer_is_two_files_and_loads_as_its_own_class(tmp_path: Path) -> None:
    TOKENIZER.save_pretrained(tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {"tokenizer.json", "tokenizer_config.json"}
    loaded = CharacterTokenizer.from_pretrained(tmp_path)
    assert loaded("<unk>\n")["input_ids"] == TOKENIZER("<unk>\n")["input_ids"]


def test_characters_have_no_options_and_an_unknown_kind_is_refused() -> None:
    with pytest.raises(TypeError):
        train_tokenizer("character", "ab", vocab_size=5)
    with pytest.raises(LmcourseError, match='choose "character" or "word"'):
        train_tokenizer("subword", "ab")


@pytest.mark.real_data
def test_tiny_shakespeare_has_its_65_characters(data_dir: Path) -> None:
    text = load_corpus("tiny_shakespeare", data_dir).text("train")
    assert len(train_tokenizer("character", text)) == 65 + 2


def test_an_alphabet_adds_characters_that_the_text_lacks() -> None:
    tokenizer = CharacterTokenizer.train("ba", alphabet="a0")
    assert tokenizer.convert_ids_to_tokens([2, 3, 4]) == ["0", "a", "b"]
    assert tokenizer.decode(tokenizer("a0b")["input_ids"]) == "a0b"
