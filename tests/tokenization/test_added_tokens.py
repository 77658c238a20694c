"""Tokens that are added are found in a text, or it is said why not."""

import warnings
from pathlib import Path

import pytest
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from hf_lmcourse import LmcourseError
from hf_lmcourse.tokenization import train_tokenizer

TEXT = "abc def 1\nghi\n"
KINDS = ("character", "word", "word_punctuation", "digit_pattern")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("token", ["newword", "x1"])
def test_an_added_word_is_one_token_also_after_loading(
    token: str, kind: str, tmp_path: Path
) -> None:
    tokenizer: PreTrainedTokenizerFast = train_tokenizer(kind, TEXT)
    size, before = len(tokenizer), tokenizer("abc def\nghi")["input_ids"]
    assert tokenizer.add_tokens([token, token]) == 1
    assert len(tokenizer) == size + 1
    tokenizer.save_pretrained(tmp_path)
    for saved in (tokenizer, AutoTokenizer.from_pretrained(tmp_path)):
        assert saved("abc def\nghi")["input_ids"] == before
        ids = saved(f"abc {token} def\nghi")["input_ids"]
        at = ids.index(size)
        rest = ids[:at] + ids[at + 1 :]
        space = [] if kind != "character" else tokenizer(" ")["input_ids"]
        assert len(rest) == len(before) + len(space)
        assert tokenizer.convert_ids_to_tokens(size) == token


def test_a_digit_pattern_may_be_added_as_it_becomes_and_not_as_it_is_written() -> None:
    tokenizer = train_tokenizer("digit_pattern", "abc\n")
    size = len(tokenizer)
    for word in ("12", "Abc", "two words", ""):
        with pytest.raises(LmcourseError, match="no word of a text becomes"):
            tokenizer.add_tokens([word])
    assert len(tokenizer) == size
    assert tokenizer.add_tokens(["DGDG", "abc"]) == 1
    assert tokenizer("abc 12 1")["input_ids"][-2:] == [size, tokenizer.unk_token_id]


@pytest.mark.parametrize("kind", KINDS)
def test_special_tokens_that_a_text_will_not_have_are_said(kind: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tokenizer = train_tokenizer(kind, TEXT)  # its own are no news
    size = len(tokenizer)
    with pytest.warns(UserWarning, match="split_special_tokens = False"):
        tokenizer.add_special_tokens({"cls_token": "<c1>"})
    assert size not in tokenizer("abc <c1> def")["input_ids"]
    tokenizer.split_special_tokens = False
    assert size in tokenizer("abc <c1> def")["input_ids"]
