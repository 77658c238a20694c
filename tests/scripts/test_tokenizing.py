"""All ways to tokenize a text give the same ids."""

import os

import pytest

from benchmarks import tokenizing
from hf_lmcourse.tokenization import CharacterTokenizer, WordTokenizer

TEXT = " = A head = \n \n a b  a\n<unk> 3.5 a\n" * 3


@pytest.mark.parametrize("level", ["words", "characters"])
def test_all_ways_give_the_same_ids(level: str) -> None:
    words = level == "words"
    kind, plain = (
        (WordTokenizer, tokenizing.plain_words)
        if words
        else (CharacterTokenizer, tokenizing.plain_characters)
    )
    tokenizer = kind.train(TEXT.replace("3.5", ""))  # so that something is unknown
    wanted = tokenizing.ours(TEXT, tokenizer, workers=1).tolist()
    assert tokenizer.unk_token_id in wanted
    assert tokenizing.ours(TEXT, tokenizer, workers=2).tolist() == wanted
    assert tokenizing.map_lines(TEXT, tokenizer, workers=1).tolist() == wanted
    assert plain(TEXT, tokenizer).tolist() == wanted


def test_rows_for_words_and_characters_leave_the_environment_as_it_was() -> None:
    before = os.environ.get("TOKENIZERS_PARALLELISM")
    rows = list(tokenizing.tokenizing(1, characters=2_000))
    assert os.environ.get("TOKENIZERS_PARALLELISM") == before
    assert {row.name for row in rows} == {"tokenizing, words", "tokenizing, characters"}
    for row in rows:
        assert list(row.rates) == ["ours", "Dataset.map", "plain loop"]
        assert 0.0015 < row.amount <= 0.002
