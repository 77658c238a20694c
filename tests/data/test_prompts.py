"""What is unknown in a prompt is said."""

import pytest

from hf_lmcourse import LmcourseError
from hf_lmcourse.data.prompts import unknown_in_prompt
from hf_lmcourse.tokenization import train_tokenizer


@pytest.mark.parametrize(
    ("kind", "prompt", "named"),
    [
        ("character", "a\u00e9b\u00e9 #", ["'\u00e9'", "'#'", "<unk>"]),
        ("word", "a zebra <unk>\nlion", ["'zebra', 'lion'", "<unk>"]),
        ("digit_pattern", "A 12,5 Lion", ["'12,5', 'Lion'", "UUUNKKK"]),
    ],
)
def test_unknown_characters_and_words_are_named_once(
    kind: str, prompt: str, named: list[str]
) -> None:
    said = unknown_in_prompt(train_tokenizer(kind, "a b\n"), prompt)
    assert said is not None
    assert all(name in said for name in named)
    assert said.count(named[0].split(",")[0]) == 1


def test_nothing_is_said_of_what_is_known() -> None:
    tokenizer = train_tokenizer("word", "a b\n")
    for prompt in ("a b\n", "", " ", "b <unk>"):
        assert unknown_in_prompt(tokenizer, prompt) is None


def test_many_unknown_characters_are_one_short_sentence() -> None:
    tokenizer = train_tokenizer("word", "a b\n")
    said = unknown_in_prompt(tokenizer, " ".join(f"{n}" * 999 for n in range(50)))
    assert said is not None and "and 45 more" in said and len(said) < 300


@pytest.mark.parametrize("prompt", ["a\udce9", "\ud800"])
def test_a_prompt_that_is_not_utf_8_is_refused(prompt: str) -> None:
    with pytest.raises(LmcourseError, match="sample_prompt is not UTF-8"):
        unknown_in_prompt(train_tokenizer("word", "a b\n"), prompt, "sample_prompt")
