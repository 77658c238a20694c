"""Names appear in Markdown as they are."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_lmcourse.report.markdown import code, escaped


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("lstm_wikitext2", "lstm_wikitext2"),
        ("_draft_", r"\_draft\_"),
        ("<img src=x>", r"\<img src=x\>"),
        ("[a](b)", r"\[a\](b)"),
        ("*a* `b`\nc", r"\*a\* \`b\` c"),
    ],
)
def test_markup_in_a_name_is_escaped(name: str, expected: str) -> None:
    assert escaped(name) == expected


@given(st.text("`ab \n", max_size=20).filter(str.strip))
def test_code_ends_where_the_text_does(text: str) -> None:
    written = code(text)
    fence = re.match("`+", written)[0]  # type: ignore[index]
    inner = written[len(fence) : -len(fence)]
    assert written.endswith(fence) and inner.strip() == " ".join(text.split())
    assert fence not in re.findall("`+", inner), "no run of as many backticks inside"
