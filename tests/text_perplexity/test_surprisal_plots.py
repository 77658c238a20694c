"""Plots of surprisal show every piece of the text with its cost."""

from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from hf_lmcourse.text_perplexity import surprisal_plots
from hf_lmcourse.text_perplexity.surprisal_plots import plot_surprisal

from ..drawing import unreadable
from .scored_models import BYTES, TEXT, WORDS, score, tiny, tiny_gpt2

NASTY = 'To <b>be</b> & "not" $x$ ō\n'


def letters_of(figure: Figure) -> list[str]:
    texts = [t for t in figure.axes[0].texts if t.get_fontfamily() == ["DejaVu Sans Mono"]]
    return [text.get_text() for text in texts]


def test_the_plot_has_the_lines_and_a_box_per_piece(drawn: list[Figure], tmp_path: Path) -> None:
    found = score(tiny("lstm"))
    plot_surprisal(found, tmp_path / "new" / "text.png")
    assert (tmp_path / "new" / "text.png").read_bytes().startswith(b"\x89PNG")
    assert letters_of(drawn[0]) == [f"{line}\u21b5" for line in TEXT.splitlines()]
    (boxes,) = (c for c in drawn[0].axes[0].collections if isinstance(c, PolyCollection))
    assert len(boxes.get_paths()) == len(TEXT)
    shown = " ".join(text.get_text() for text in drawn[0].axes[0].texts)
    assert f"{found.metrics['bits_per_character']:.3f} bits per character" in shown


def test_long_lines_are_wrapped_at_blanks_and_long_texts_cut_off(
    drawn: list[Figure], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(surprisal_plots, "_MOST_LINES", 4)
    plot_surprisal(score(tiny("bigram_mlp"), text="to be or " * 60), tmp_path / "text.png")
    lines = letters_of(drawn[0])
    assert len(lines) == 4
    assert {line[-1] for line in lines} == {" "}
    assert max(map(len, lines)) == 72
    assert "the first 4 of 8 lines" in drawn[0].axes[0].texts[-2].get_text()


def test_the_plot_fits_a_page_whatever_the_names_are(drawn: list[Figure], tmp_path: Path) -> None:
    for text, name in (("To", "a"), ("to be\n" * 200, "a-model-with-a-long-name/" * 5)):
        found = replace(score(tiny("lstm"), text=text), model=name)
        plot_surprisal(found, tmp_path / "text.png")
        assert drawn[-1].get_figwidth() < 8 and drawn[-1].get_figheight() < 15
        assert unreadable(drawn[-1]) == []


def test_words_without_blanks_are_wrapped_anywhere(drawn: list[Figure], tmp_path: Path) -> None:
    plot_surprisal(score(tiny("bigram_mlp"), text="to" * 100), tmp_path / "text.png")
    assert [len(line) for line in letters_of(drawn[0])] == [72, 72, 56]


def test_signs_of_mathematics_are_letters_like_any_other(
    drawn: list[Figure], tmp_path: Path
) -> None:
    plot_surprisal(score(tiny_gpt2(), BYTES, NASTY), tmp_path / "text.png")
    assert letters_of(drawn[0]) == [NASTY.replace("\n", "\u21b5")]


def test_bits_per_character_have_an_asterisk_where_a_word_is_unknown(
    drawn: list[Figure], tmp_path: Path
) -> None:
    for number, (text, mark) in enumerate((("To is", ""), ("To XYZ", "*"))):
        plot_surprisal(score(tiny("lstm", WORDS), WORDS, text), tmp_path / "text.png")
        shown = " ".join(text.get_text() for text in drawn[number].axes[0].texts)
        assert ("* bits per character" in shown) == bool(mark)
