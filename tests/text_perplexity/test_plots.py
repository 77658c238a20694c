"""The plot of bits per character."""

from pathlib import Path

import pytest
from matplotlib.figure import Figure

from hf_lmcourse.text_perplexity.plots import plot_perplexities

from .scored_rows import SCORES, TEXTS, of


def test_the_plot_has_a_panel_per_text_and_hatches_what_does_not_compare(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures: list[Figure] = []
    save = Figure.savefig
    monkeypatch.setattr(
        Figure, "savefig", lambda self, *a, **k: (figures.append(self), save(self, *a, **k))
    )
    plot_perplexities(SCORES, tmp_path / "new" / "bars.png")
    assert (tmp_path / "new" / "bars.png").read_bytes().startswith(b"\x89PNG")
    panels = figures[0].axes
    titles = [axes.get_title(loc="left") for axes in panels]
    assert titles == [
        "play",
        "play, lowercase (5.0% changed)",
        "wiki",
        "wiki, blanks (0.0% changed)",
    ]
    for axes, (name, chain) in zip(panels, [(p.name, p.preprocessing) for p in TEXTS], strict=True):
        for label, bar in zip(axes.get_yticklabels(), axes.patches, strict=True):
            score = of(label.get_text(), name, chain)
            assert bar.get_width() == pytest.approx(score.metrics["bits_per_character"])
            assert bool(bar.get_hatch()) == (not score.encoded.lossless)
        labels = sorted(text.get_text().partition(",")[0].endswith("*") for text in axes.texts)
        assert labels == sorted(bool(bar.get_hatch()) for bar in axes.patches)
