"""Colours and markers of a study's variants, and the legend that explains them."""

from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from ..report.palette import GREY, distinct_colours
from ..report.unknown_words import ASTERISK_NOTE
from .curves import point_curves
from .selection import factors_of, levels_of, shown_splits
from .table import study_cells

_MARKERS = "os^Dv*PX"


@dataclass(frozen=True)
class Look:
    """Style of a variant in all panels."""

    colour: str
    marker: str
    alpha: float


def looks_of(study: dict[str, Any]) -> dict[str, Look]:
    """Choose a colour for each variant; in a grid, for each level of the first factor."""
    factors = list(factors_of(study).values())
    palette = dict(zip(factors[0], distinct_colours(len(factors[0])), strict=True))
    looks = {}
    for variant, levels in levels_of(study).items():
        order, of = (factors[1].index(levels[1]), len(factors[1])) if factors[1:] else (0, 1)
        marker = _MARKERS[order % len(_MARKERS)]
        looks[variant] = Look(palette[levels[0]], marker, alpha=1 - 0.6 * order / of)
    return looks


def draw_legend(axes: Axes, study: dict[str, Any], looks: dict[str, Look]) -> None:
    """Draw the legend: colours, markers, line styles, and what the training loss is."""
    factors, levels = factors_of(study), levels_of(study)
    colours = {level: {"color": looks[v].colour, "lw": 3} for v, (level, *_) in levels.items()}
    handles = _entries(next(iter(factors)), colours)
    if len(factors) > 1:
        markers = {level: looks[v] for v, (_, level) in levels.items()}
        handles += _entries(
            list(factors)[1],
            {k: {"color": GREY, "alpha": m.alpha, "marker": m.marker} for k, m in markers.items()},
        )
    handles += _entries("split", _split_styles(study))
    axes.legend(
        handles=handles,
        title=_note(study),
        title_fontsize=8,
        fontsize=9,
        loc="center",
        alignment="left",
        frameon=False,
        ncols=1 if len(handles) <= 15 else 2,
    )


def _entries(heading: str, styles: dict[str, dict[str, Any]]) -> list[Line2D]:
    """Make a heading of the legend, and the entries below it."""
    lines = [Line2D([], [], label=label, **style) for label, style in styles.items()]
    return [Line2D([], [], linestyle="", label=f"{heading.replace('_', ' ')}:"), *lines]


def _split_styles(study: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Style of each split that the study has."""
    styles: dict[str, dict[str, Any]] = {"validation": {"color": "black", "marker": "o"}}
    if any("test" in splits for splits in shown_splits(study).values()):
        styles["test"] = {"color": "black", "marker": "o", "ls": "", "markerfacecolor": "none"}
    if any("loss" in point_curves(p, study)["training"] for p in study["points"]):
        styles["training"] = {"color": "black", "ls": "--"}
    return styles


def _note(study: dict[str, Any]) -> str:
    """Explain the dashed curves, which are not an evaluation of the training text, and the mark."""
    notes = []
    if "training" in _split_styles(study):
        notes.append(
            "training: as logged, in training mode,\nmean over the steps since the last log"
        )
        if any(point.get("num_sampled") for point in study["points"]):
            notes[0] += ";\nover sampled words if the softmax is sampled"
    if metric_has_asterisk(study):
        notes.append(ASTERISK_NOTE.replace(": ", ":\n"))
    return "\n".join(notes)


def metric_has_asterisk(study: dict[str, Any]) -> bool:
    """Whether some values of the metric have an asterisk."""
    return any("*" in value for _, _, value, *_ in study_cells(study))
