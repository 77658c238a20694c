"""What a chain does to a text, and how much of it that is."""

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_lmcourse import LmcourseError
from hf_lmcourse.text_perplexity.preprocessing import CHAINS, STEPS, changed_share, preprocessing


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("lowercase", "To BE Ā", "to be ā"),
        ("printable", "a\x00b\u200bc\td\n", "abc\td\n"),
        ("blanks", " a \t b\r\n\n c\u00a0", "a b\n\nc"),
        ("ascii", "Māori Ngāti – “kō” 30,000—40… ß €", 'Maori Ngati - "ko" 30,000--40... ss EUR'),
        ("ascii", "m\u0101\u0302 漢 ½", "ma ? 1?2"),
        ("course", "To\x07 BE ", "to be"),
        ("ascii,lowercase", "Ā B", "a b"),
        ("canonical", "In 1,850 the 1st\nWar", "in DGDGDGDG the 1st\nwar"),
    ],
)
def test_steps_do_what_they_say(name: str, text: str, expected: str) -> None:
    assert preprocessing(name).apply(text) == expected


@given(st.text(max_size=40))
def test_what_a_step_made_it_leaves_alone(text: str) -> None:
    for name in ("printable", "blanks", "ascii", "course"):
        once = preprocessing(name).apply(text)
        assert preprocessing(name).apply(once) == once


@given(st.text(max_size=40))
def test_the_alphabets_are_as_small_as_promised(text: str) -> None:
    assert preprocessing("ascii").apply(text).isascii()
    assert all(c.isprintable() or c == "\n" for c in preprocessing("printable,blanks").apply(text))


@given(st.text(max_size=40))
def test_steps_apply_in_their_order(text: str) -> None:
    for step in CHAINS["course"]:
        text, before = STEPS[step].apply(text), text
        assert preprocessing(step).apply(before) == text
    assert preprocessing("lowercase,ascii").apply(text) == STEPS["ascii"].apply(text.lower())


def test_a_chain_says_what_it_does() -> None:
    assert preprocessing("lowercase,ascii").meaning.startswith("lower case; ")


@pytest.mark.parametrize("name", ["lower", "course,ascii", ""])
def test_unknown_chains_are_refused(name: str) -> None:
    with pytest.raises(LmcourseError, match="chains are course; steps, separated by commas"):
        preprocessing(name)


def edit_distance(a: str, b: str) -> int:
    """The textbook's recursion."""

    @cache
    def distance(i: int, j: int) -> int:
        if i == 0 or j == 0:
            return i + j
        change = distance(i - 1, j - 1) + (a[i - 1] != b[j - 1])
        return min(change, distance(i - 1, j) + 1, distance(i, j - 1) + 1)

    return distance(len(a), len(b))


@given(st.text("abc", min_size=1, max_size=12), st.text("abc", max_size=12))
def test_the_share_is_the_edit_distance_by_the_length(a: str, b: str) -> None:
    assert changed_share(a, b) == edit_distance(a, b) / len(a)


@pytest.mark.parametrize(
    ("raw", "changed", "share"),
    [
        ("abcd", "abcd", 0),
        ("aBcD", "abcd", 0.5),
        ("a  b\nc", "a b\nc", 1 / 6),
        ("a\nb", "ab", 1 / 3),
    ],
)
def test_shares_of_known_changes(raw: str, changed: str, share: float) -> None:
    assert changed_share(raw, changed) == pytest.approx(share)
