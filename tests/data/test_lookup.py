"""Which tokenizers are looked up without the library; that ids agree is in test_encoding.py."""

import numpy as np
import pytest
from tokenizers import Tokenizer, normalizers
from transformers import PreTrainedTokenizerBase

from hf_lmcourse.data.encoding import plain_backend
from hf_lmcourse.data.lookup import lookup_of
from hf_lmcourse.tokenization import train_tokenizer

TEXT = "ab b <unk> a\nb\n"


@pytest.mark.parametrize("kind", ["character", "word", "digit_pattern"])
def test_characters_and_words_are_looked_up(kind: str) -> None:
    tokenizer = train_tokenizer(kind, TEXT)
    look_up = lookup_of(plain_backend(tokenizer), np.int32)
    assert look_up is not None
    for text in (TEXT, "a\x1cb zz\n"):
        for cut in range(len(text)):
            ids = np.concatenate(list(look_up([text[:cut], text[cut:]])))
            assert ids.tolist() == tokenizer(text)["input_ids"]
            assert ids.dtype == np.int32


def other(change: str) -> Tokenizer:
    tokenizer: PreTrainedTokenizerBase = train_tokenizer("word", TEXT)
    tokenizer.split_special_tokens = change != "special tokens"
    backend = plain_backend(tokenizer)
    if change == "normalizer":
        backend.normalizer = normalizers.NFC()
    if change == "added word":
        backend.add_tokens(["b <unk>"])
    return backend


@pytest.mark.parametrize("change", ["special tokens", "normalizer", "added word"])
def test_what_does_more_is_left_to_the_library(change: str) -> None:
    assert lookup_of(other(change), np.int32) is None
    assert lookup_of(other("nothing"), np.int32) is not None


def test_other_kinds_are_left_to_the_library() -> None:
    tokenizer = train_tokenizer("word_punctuation", TEXT)
    assert lookup_of(plain_backend(tokenizer), np.int32) is None
