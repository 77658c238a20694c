"""Plot of bits per character, by text and model."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from ..report.figures import save_figure
from ..report.palette import BLUE, GREY
from .comparability import bits_key
from .score import TextScore

_LONGEST_BAR = 0.62
"""Share of the width of a panel; the rest is for the text next to the bar."""


def plot_perplexities(scores: Sequence[TextScore], path: str | Path) -> None:
    """Draw bits per character, with a panel per text and a bar per model.

    Solid bars of a panel can be compared, hatched bars cannot; see `bits_key`.

    Args:
        scores: At least one score.
        path: The image file; its extension is the format. Its folder is created if needed.
    """
    panels: dict[tuple[str, str], list[TextScore]] = {}
    for score in scores:
        panels.setdefault((score.text.name, score.text.preprocessing), []).append(score)
    heights = [0.9 + 0.42 * len(rows) for rows in panels.values()]
    figure = Figure(figsize=(9.5, 0.9 + sum(heights)), layout="constrained")
    grid = figure.subplots(len(panels), squeeze=False, height_ratios=heights).flatten()
    longest = max(score.metrics["bits_per_character"] for score in scores) / _LONGEST_BAR
    for axes, (name, chain), rows in zip(grid, panels, panels.values(), strict=True):
        _draw(axes, sorted(rows, key=lambda score: -score.metrics["bits_per_character"]))
        text = "" if chain == "raw" else f", {chain} ({rows[0].text.changed:.1%} changed)"
        axes.set_title(f"{name}{text}", fontsize=11, loc="left")
        axes.set_xlim(0, longest)
    grid[-1].set_xlabel("bits per character")
    handles = [
        Patch(facecolor=BLUE, label="every character has a probability: comparable within a panel"),
        Patch(
            facecolor="white",
            edgecolor=GREY,
            hatch="///",
            label="bits per character not comparable",
        ),
    ]
    figure.legend(handles=handles, loc="outside upper right", ncols=2, frameon=False, fontsize=9)
    save_figure(figure, path)


def _draw(axes: Axes, rows: list[TextScore]) -> None:
    for place, score in enumerate(rows):
        bits, compares = score.metrics["bits_per_character"], bits_key(score) is not None
        axes.barh(
            place,
            bits,
            height=0.65,
            facecolor=BLUE if compares else "white",
            edgecolor=BLUE if compares else GREY,
            hatch=None if compares else "///",
        )
        axes.annotate(
            _label(score),
            (bits, place),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
        )
    axes.set_yticks(range(len(rows)), [score.model for score in rows])
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right"]].set_visible(False)


def _label(score: TextScore) -> str:
    metrics = score.metrics
    bits = f"{metrics['bits_per_character']:.3f}{score.asterisk}"
    parts = [bits, f"perplexity {metrics['perplexity']:,.4g}"]
    if metrics["unknown_share"]:
        parts.append(f"{metrics['unknown_share']:.1%} unknown")
    if score.overlap is not None and score.overlap.verbatim:
        parts.append("in training text")
    if score.temperature != 1:
        parts.append(f"temperature {score.temperature:g}")
    return ", ".join(parts)
