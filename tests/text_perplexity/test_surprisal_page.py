"""Pages of surprisal show every piece of the text with its cost."""

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from hf_lmcourse.text_perplexity.surprisal import SurprisalUnit, surprisal_units
from hf_lmcourse.text_perplexity.surprisal_page import colour_limit, surprisal_page

from .scored_models import BYTES, CHARACTERS, TEXT, WORDS, score, tiny, tiny_gpt2

NASTY = 'To <b>be</b> & "not" $x$ ō\n'


class Spans(HTMLParser):
    """The text of the document's box, and its spans with their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.depth, self.text, self.spans, self.outside = 0, "", [], []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        self.outside += [v for k, v in attrs if k in ("src", "href")]
        if tag == "div" and names.get("class") == "text":
            self.depth = 1
        elif self.depth and tag == "span":
            self.spans.append(names)

    def handle_endtag(self, tag: str) -> None:
        if tag == "div":
            self.depth = 0

    def handle_data(self, data: str) -> None:
        if self.depth:
            self.text += data


@pytest.mark.parametrize(
    ("model", "tokenizer", "text"),
    [
        (tiny_gpt2(), BYTES, NASTY),
        (tiny("lstm"), CHARACTERS, TEXT),
        (tiny("lstm", WORDS), WORDS, TEXT + NASTY),
    ],
    ids=["bytes", "characters", "words"],
)
def test_the_page_holds_the_text_and_a_cost_for_every_piece(
    model: Any, tokenizer: Any, text: str
) -> None:
    found = score(model, tokenizer, text)
    page = Spans(surprisal_page(found))
    assert page.text.replace("\u21b5", "") == text
    scored = [unit for unit in surprisal_units(found) if unit.bits is not None]
    assert len(page.spans) == len(scored)
    for span, unit in zip(page.spans, scored, strict=True):
        assert f"{unit.bits:.2f} bits" in str(span["title"])
        assert ("unknown" in str(span.get("class"))) == unit.unknown
    assert page.outside == []


def test_the_page_says_the_first_token_the_temperature_and_the_worst() -> None:
    found = score(tiny("lstm"), temperature=0.8)
    page = surprisal_page(found)
    assert r"from <code>&#34;\n&#34;</code>" in page or r'<code>"\n"</code>' in page
    assert "The temperature is 0.8" in page
    worst = max(unit.bits or 0 for unit in surprisal_units(found))
    assert re.search(rf"<tr><td>{worst:.2f}</td>", page)


def test_colours_grow_with_the_cost() -> None:
    found = score(tiny("lstm"))
    page = Spans(surprisal_page(found))
    shades = []
    for span in page.spans:
        bits = float(re.search(r"([\d.]+) bits", str(span["title"]))[1])  # type: ignore[index]
        shades.append((bits, int(str(span["style"])[-2:], 16)))  # the blue part falls
    shades.sort()
    assert [blue for _, blue in shades] == sorted((blue for _, blue in shades), reverse=True)


def test_the_strongest_colour_is_for_the_costliest_hundredth_of_what_is_known() -> None:
    cheap = [SurprisalUnit("a", 3.0)] * 99
    assert colour_limit([*cheap, SurprisalUnit("b", 30.0)]) == 8
    assert colour_limit([*cheap, *[SurprisalUnit("b", 13.0)] * 3]) == 16
    assert colour_limit([*cheap, *[SurprisalUnit("b", 99.0)] * 3]) == 24
    assert colour_limit([*cheap, *[SurprisalUnit("b", 99.0, unknown=True)] * 3]) == 8
    assert colour_limit([SurprisalUnit("b", 99.0, unknown=True)]) == 24


def test_bits_per_character_have_an_asterisk_where_a_word_is_unknown() -> None:
    for text, mark in (("To is", ""), ("To XYZ", "*")):
        found = score(tiny("lstm", WORDS), WORDS, text)
        figure = f"{found.metrics['bits_per_character']:.3f}"
        assert re.search(rf">{re.escape(figure + mark)}<", surprisal_page(found))
