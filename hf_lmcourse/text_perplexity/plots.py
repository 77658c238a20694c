"""Scores of passages as a picture."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from ..report.palette import BLUE, GREY
from .comparability import bits_key
from .score import PassageScore

__all__ = ["plot_perplexities"]

_LONGEST_BAR = 0.62
"""Of the width of a panel; the figures beside it need the rest."""


def plot_perplexities(scores: Sequence[PassageScore], path: str | Path) -> None:
    """Draw bits per character, a panel for each text and a bar for each model.

    Full bars of a panel may be compared; a hatched bar belongs to a model that does not give every
    character a probability, or is not the figure of the model at all; see `bits_key`.

    Args:
        scores: at least one.
        path: the picture; its ending says the format. Its folder is made where it is missing.
    """
    panels: dict[tuple[str, str], list[PassageScore]] = {}
    for score in scores:
        panels.setdefault((score.passage.name, score.passage.preprocessing), []).append(score)
    heights = [0.9 + 0.42 * len(rows) for rows in panels.values()]
    figure = Figure(figsize=(9.5, 0.9 + sum(heights)), layout="constrained")
    grid = figure.subplots(len(panels), squeeze=False, height_ratios=heights).flatten()
    longest = max(score.metrics["bits_per_character"] for score in scores) / _LONGEST_BAR
    for axes, (name, chain), rows in zip(grid, panels, panels.values(), strict=True):
        _draw(axes, sorted(rows, key=lambda score: -score.metrics["bits_per_character"]))
        text = "" if chain == "raw" else f", {chain} ({rows[0].passage.changed:.1%} changed)"
        axes.set_title(f"{name}{text}", fontsize=11, loc="left")
        axes.set_xlim(0, longest)
    grid[-1].set_xlabel("bits per character")
    handles = [
        Patch(facecolor=BLUE, label="every character has a probability: compares within a panel"),
        Patch(
            facecolor="white",
            edgecolor=GREY,
            hatch="///",
            label="bits per character do not compare",
        ),
    ]
    figure.legend(handles=handles, loc="outside upper right", ncols=2, frameon=False, fontsize=9)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)


def _draw(axes: Axes, rows: list[PassageScore]) -> None:
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
            _told(score),
            (bits, place),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
        )
    axes.set_yticks(range(len(rows)), [score.model for score in rows])
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right"]].set_visible(False)


def _told(score: PassageScore) -> str:
    figures, told = score.metrics, [f"{score.metrics['bits_per_character']:.3f}"]
    told.append(f"perplexity {figures['perplexity']:,.4g}")
    if figures["unknown_share"]:
        told.append(f"{figures['unknown_share']:.1%} unknown")
    if score.overlap is not None and score.overlap.verbatim:
        told.append("in training text")
    if score.temperature != 1:
        told.append(f"temperature {score.temperature:g}")
    return ", ".join(told)
