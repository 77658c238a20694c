"""The page splits a text into the tokens of the package, and writes what it reads again."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hf_lmcourse import (
    CharacterTokenizer,
    DigitPatternTokenizer,
    LSTMConfig,
    LSTMForCausalLM,
    WordPunctuationTokenizer,
    WordTokenizer,
)
from hf_lmcourse.browser.portable_tokenizer import portable_tokenizer
from hf_lmcourse.data.encoding import encode_text
from hf_lmcourse.errors import LmcourseError

from .engine import Engine

TEXT = "the cat isn't on 1,234.5 mats; it's 'here' <br/> <unk> <eos> <s> </s>\nDG dgs 7 DG,DG\n"

TOKENIZERS = {
    "character": CharacterTokenizer.train(TEXT + "é😀"),
    "word": WordTokenizer.train(TEXT * 2),
    "word in lower case": WordTokenizer.train(TEXT * 2 + " straße σίσυφος i̇", lowercase=True),
    "words and punctuation": WordPunctuationTokenizer.train(TEXT + " straße x² i̇"),
    "words and punctuation as they are": WordPunctuationTokenizer.train(TEXT, lowercase=False),
    "digit patterns": DigitPatternTokenizer.train(TEXT + "ΣΊΣΥΦΟΣ 12-3 -4,5"),
}

PARTS = st.sampled_from(
    ["the", "cat", "isn't", "N'T", "n't", "'s", "1,234.5", "12", ",", "<br />", "<BR>", "<unk>"]
    + ["<s>", "</s>", "<eos>", "\n", " ", "\t", "\r\n", "\u00a0", "\u0085", "\u2028", "\ufeff"]
    + ["Σ", "ΣΊΣΥΦΟΣ", "İ", "ẞ", "x²", "٣", "१", "ǅ", "😀", "é", "e\u0301", "_", "‿", "\u200d"]
)
TEXTS = st.lists(st.one_of(PARTS, st.text(max_size=4))).map("".join)


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine()


def load(engine: Engine, tokenizer: Any) -> None:
    config = LSTMConfig(vocab_size=len(tokenizer), hidden_size=2)
    engine.load(LSTMForCausalLM(config), tokenizer)


@pytest.mark.parametrize("name", TOKENIZERS)
def test_tokens_are_those_of_the_package(engine: Engine, name: str) -> None:
    tokenizer = TOKENIZERS[name]
    load(engine, tokenizer)

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(TEXTS)
    def check(text: str) -> None:
        found = engine.eval(f"tokenizer.split({quoted(text)})")
        assert [token["id"] for token in found] == encode_text(text, tokenizer).tolist()
        places = [place for token in found for place in (token["start"], token["end"])]
        assert places == sorted(places)

    check()


@pytest.mark.parametrize("name", TOKENIZERS)
def test_a_token_that_is_drawn_is_read_again(engine: Engine, name: str) -> None:
    tokenizer = TOKENIZERS[name]
    load(engine, tokenizer)
    before = "the cat"
    for token in range(len(tokenizer)):
        if not engine.eval(f"tokenizer.canBeDrawn({token})"):
            continue
        text = before + engine.eval(f"tokenizer.textOf({token}, {quoted(before)})")
        assert encode_text(text, tokenizer).tolist()[-1] == token, text


@pytest.mark.parametrize("name", TOKENIZERS)
def test_places_name_the_characters_of_a_token(engine: Engine, name: str) -> None:
    load(engine, TOKENIZERS[name])
    text = "😀 Straße THE cat"
    found = engine.eval(f"tokenizer.split({quoted(text)})")
    units = text.encode("utf-16-le")
    words = [units[2 * t["start"] : 2 * t["end"]].decode("utf-16-le") for t in found]
    assert "".join(words) == (text if name == "character" else text.replace(" ", ""))


def test_other_tokenizers_are_refused() -> None:
    added = WordTokenizer.train(TEXT)
    added.add_tokens(["new words"])
    with pytest.raises(LmcourseError, match="tokenizer"):
        portable_tokenizer(added)


def quoted(text: str) -> str:
    """A text as an expression of JavaScript, in UTF-16."""
    units = memoryview(text.encode("utf-16-le")).cast("H")
    return f"String.fromCharCode({','.join(map(str, units))})"
