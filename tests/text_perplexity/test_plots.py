"""The plot of bits per character."""

from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure

from hf_lmcourse.text_perplexity.comparability import bits_key
from hf_lmcourse.text_perplexity.plots import plot_perplexities
from hf_lmcourse.text_perplexity.table import json_record

from ..drawing import legend_labels, unreadable, values
from .scored_rows import SCORES, of

ROWS = json_record(SCORES)["rows"]


def test_the_plot_has_a_panel_per_text_and_hollow_markers_of_what_does_not_compare(
    drawn: list[Figure], tmp_path: Path
) -> None:
    plot_perplexities(ROWS, tmp_path / "new" / "bits.png")
    assert (tmp_path / "new" / "bits.png").read_bytes().startswith(b"\x89PNG")
    panels = drawn[0].axes
    assert [axes.get_title(loc="left") for axes in panels] == ["play", "wiki"]
    kinds: dict[Any, set[str]] = {}
    for axes in panels:
        rows = [row for row in ROWS if row["passage"] == axes.get_title(loc="left")]
        assert len(axes.lines) == len(rows)
        for line, row in zip(axes.lines, rows, strict=True):
            found = of(row["model"], row["passage"], row["preprocessing"])
            assert values(line, "x")[0] == pytest.approx(row["bits_per_character"], abs=1e-4)
            names = [label.get_text() for label in panels[0].get_yticklabels()]
            assert names[round(values(line)[0])] == row["model"]
            assert (line.get_markerfacecolor() == "white") == (bits_key(found) is None)
            kinds.setdefault(row["preprocessing"], set()).add(str(line.get_marker()))
    assert sorted(map(len, kinds.values())) == [1, 1, 1]
    assert len(set.union(*kinds.values())) == 3, "a marker for each version of the texts"
    assert legend_labels(drawn[0])[:2] == ["raw", "lowercase (up to 5.0% changed)"]


def test_a_text_that_a_model_was_trained_on_is_marked(drawn: list[Figure], tmp_path: Path) -> None:
    plot_perplexities(ROWS, tmp_path / "bits.png")
    play, wiki = drawn[0].axes
    assert [text.get_text() for text in play.texts] == ["in training text"]
    assert not wiki.texts
    (note,) = play.texts
    largest = max(values(line, "x")[0] for line in play.lines if round(values(line)[0]) == 0)
    assert note.xy[0] == pytest.approx(largest, abs=1e-4), "right of the markers of its row"


@pytest.mark.parametrize(("texts", "long"), [(1, True), (2, False), (3, True)])
def test_seven_models_fit_a_page(
    texts: int, long: bool, drawn: list[Figure], tmp_path: Path
) -> None:
    name = "an-organisation/" * 4 * long + "transformer_tiny_shakespeare_{}"
    rows = [
        {**row, "model": name.format(model), "passage": f"{'text_' * (1 + 9 * long)}{text}"}
        for model in range(7)
        for text in range(texts)
        for row in ROWS
        if (row["model"], row["passage"]) == ("characters", "play")
    ]
    plot_perplexities(rows, tmp_path / "bits.png")
    (figure,) = drawn
    assert (
        figure.get_figwidth() == 8 and figure.get_figheight() <= 3.5 * (2 + long) * (texts + 1) / 2
    )
    assert unreadable(figure) == []
