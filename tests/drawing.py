"""How the tests of the plots read what was drawn."""

from itertools import combinations
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import Bbox


def values(line: Line2D, axis: str = "y") -> list[float]:
    """The positions of a line, to four places."""
    data: Any = line.get_ydata() if axis == "y" else line.get_xdata()
    return np.round(np.asarray(data, dtype=float), 4).tolist()


def lines_of(axes: Axes) -> list[Line2D]:
    """The lines of a panel, without error bars and the points of single seeds."""
    return [line for line in axes.lines if line.get_marker() not in (".", "None", "|", "_")]


def look(line: Line2D) -> tuple[Any, ...]:
    return line.get_color(), line.get_marker(), line.get_linestyle()


def lengths(axes: Axes) -> list[float]:
    """Half of each error bar of a panel."""
    bars = [c for c in axes.collections if isinstance(c, LineCollection)]
    ends = [np.asarray(segment) for bar in bars for segment in bar.get_segments()]
    return [float(np.abs(end[1] - end[0]).max() / 2) for end in ends if len(end) == 2]


def legend_labels(figure: Figure) -> list[str]:
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def unreadable(figure: Figure) -> list[tuple[str, ...]]:
    """Pairs of labels of a figure that cover each other, and labels that its edge cuts off."""
    labels, whole = _labels(figure), figure.bbox.padded(1)
    boxes = [(name, box.shrunk(0.98, 0.9)) for name, box in labels]
    pairs = [(a, b) for (a, one), (b, other) in combinations(boxes, 2) if one.overlaps(other)]
    return [
        *pairs,
        *(
            (name,)
            for name, box in labels
            if not (whole.contains(box.x0, box.y0) and whole.contains(box.x1, box.y1))
        ),
    ]


def _labels(figure: Figure) -> list[tuple[str, Bbox]]:
    """What is written in a figure, and where: titles, axes, legends, and ticks in their range."""
    figure.draw_without_rendering()  # which places them
    texts: list[Any] = [getattr(figure, "_suptitle", None)]
    for legend in [*figure.legends, *(axes.get_legend() for axes in figure.axes)]:
        texts += [*legend.get_texts(), legend.get_title()] if legend else []
    children = [child for axes in figure.axes for child in axes.child_axes]
    for axes in [*figure.axes, *children]:
        texts += axes.texts
        if axes.axison:
            texts += [axes.title, axes.xaxis.label, axes.yaxis.label]
            texts += _ticks(axes.xaxis, axes.get_xlim()) + _ticks(axes.yaxis, axes.get_ylim())
    shown = [text for text in texts if text and text.get_visible() and text.get_text()]
    return [(text.get_text(), text.get_window_extent()) for text in shown]


def _ticks(axis: Any, limits: tuple[float, float]) -> list[Any]:
    low, high = sorted(limits)
    ticks = axis.get_major_ticks()
    labels = [label for tick in ticks for label in (tick.label1, tick.label2)]
    return [
        label
        for label, tick in zip(labels, (t for t in ticks for _ in "12"), strict=True)
        if low <= tick.get_loc() <= high
    ]
