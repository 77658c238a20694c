"""Texts that are cut anew: nothing is lost, and no word or line is cut."""

from collections.abc import Callable, Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import pre_tokenizers

from hf_lmcourse.tokenization import pieces, train_tokenizer
from hf_lmcourse.tokenization.pieces import pieces_of, split_words, whole_lines, whole_words

cut_texts = st.lists(st.text("ab1,. \n\t\x1c\x85\u3000", min_size=1, max_size=6), max_size=8)


@given(cut_texts)
def test_words_and_lines_stay_whole(parts: list[str]) -> None:
    text = "".join(parts)
    for cut, ends in ((whole_words, " \n\t\r\u3000"), (whole_lines, "\n")):
        found = list(cut(parts))
        assert "".join(found) == text
        assert all(piece[-1] in ends for piece in found[:-1])
    words = [word for piece in whole_words(parts) for word in split_words(piece)]
    assert words == split_words(text)


def test_a_piece_is_no_longer_than_it_must_be() -> None:
    text = "ab " * 100_000
    assert max(map(len, pieces_of(text))) == pieces.PIECE
    assert max(map(len, whole_words(pieces_of(text)))) < pieces.PIECE + 3


@given(st.text("a \n\x1c\x1d\x1e\x1f\x85\u2028\u200b\ufeff"))
def test_words_are_those_of_the_tokenizer(text: str) -> None:
    expected = [word for word, _ in pre_tokenizers.WhitespaceSplit().pre_tokenize_str(text)]
    assert split_words(text) == expected


@pytest.mark.parametrize("kind", ["character", "word", "digit_pattern"])
@pytest.mark.parametrize("cut", [lambda text: text, lambda text: whole_words(list(text))])
def test_a_tokenizer_of_pieces_is_that_of_the_text(
    kind: str, cut: Callable[[str], str | Iterable[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "the 1,999 cats the\n\n1,234 x \u0130 the cats"
    whole = train_tokenizer(kind, [text])
    monkeypatch.setattr(pieces, "PIECE", 3)
    assert train_tokenizer(kind, cut(text)).get_vocab() == whole.get_vocab()


def test_a_text_is_read_as_it_comes() -> None:
    def endless() -> Iterator[str]:
        while True:
            yield "a b "

    assert next(whole_words(endless())) == "a b "
