"""Prose becomes lower-case words and marks of punctuation, with or without the package."""

from pathlib import Path

import pytest
from transformers import AutoTokenizer

from hf_lmcourse import LmcourseError
from hf_lmcourse.tokenization import WordPunctuationTokenizer

TEXTS = ["I don't think it's great!<br /><br />Wow...", "the the THE film, film (1999)"]


@pytest.fixture(scope="module")
def tokenizer() -> WordPunctuationTokenizer:
    return WordPunctuationTokenizer.train(TEXTS)


def test_words_marks_and_clitics_stand_alone(tokenizer: WordPunctuationTokenizer) -> None:
    assert tokenizer.tokenize(TEXTS[0]) == "i do n't think it 's great ! wow . . .".split()
    assert tokenizer.tokenize("film,film (1999)") == "film , film ( 1999 )".split()
    assert tokenizer.tokenize(" \t\n<br>") == []


def test_ids_fall_in_frequency_after_padding_and_unknown(
    tokenizer: WordPunctuationTokenizer,
) -> None:
    words = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    assert words[:2] == ["<pad>", "<unk>"]
    assert set(words[2:4]) == {"the", "."} and words[4] == "film"
    assert tokenizer("qwertz")["input_ids"] == [tokenizer.unk_token_id]
    assert tokenizer.pad_token_id == 0


def test_the_vocabulary_can_be_limited() -> None:
    small = WordPunctuationTokenizer.train(TEXTS, vocab_size=4)
    assert len(small) == 4
    frequent = WordPunctuationTokenizer.train(TEXTS, min_frequency=3)
    assert set(frequent.get_vocab()) == {"<pad>", "<unk>", "the", "."}
    with pytest.raises(LmcourseError, match="no room for <pad> and <unk>"):
        WordPunctuationTokenizer.train(TEXTS, vocab_size=1)


def test_case_can_be_kept() -> None:
    cased = WordPunctuationTokenizer.train(TEXTS, lowercase=False)
    assert cased.tokenize("THE the") == ["THE", "the"]
    assert cased.tokenize("The") == ["<unk>"]


def test_special_tokens_in_a_text_are_ordinary_text(tokenizer: WordPunctuationTokenizer) -> None:
    assert tokenizer.pad_token_id not in tokenizer("<pad>")["input_ids"]


def test_it_is_saved_as_any_fast_tokenizer(
    tokenizer: WordPunctuationTokenizer, tmp_path: Path
) -> None:
    tokenizer.save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    assert loaded(TEXTS)["input_ids"] == tokenizer(TEXTS)["input_ids"]
    assert loaded(TEXTS, padding=True)["attention_mask"][0][-1] in (0, 1)
    assert loaded.padding_side == "right"
