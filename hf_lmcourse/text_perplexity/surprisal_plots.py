"""Surprisal of a text as a plot."""

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PolyCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from ..report.figures import save_figure
from ..report.palette import BLUE, GREY
from .score import TextScore
from .surprisal import SurprisalUnit, surprisal_units
from .surprisal_page import SURPRISAL_COLOURS, colour_limit

_COLUMNS, _MOST_LINES = 72, 60
_POINTS = 9.0
_ADVANCE = 0.602 * _POINTS
"""Width of a letter of DejaVu Sans Mono, which matplotlib ships, in points."""

_LEADING = 1.6 * _POINTS
_MARGIN, _BARS, _LEGEND = 18.0, 130.0, 46.0
_TITLE, _SMALL = 16.0, 12.0
"""Heights of a line of the title and of the smaller lines below it."""


_Cell = tuple[str, int]
"""A letter of the plot, and the index of the piece that it belongs to."""


@dataclass(frozen=True)
class _Line:
    """A line of the plot.

    Attributes:
        text: Its letters.
        spans: What is coloured: first column, end column, bits, whether unknown.
        bits: Surprisal of its letters; those of a piece share it evenly.
    """

    text: str
    spans: list[tuple[int, int, float, bool]]
    bits: float


def plot_surprisal(score: TextScore, path: str | Path) -> None:
    """Draw a text with each piece in the colour of its surprisal, and the mean of each line.

    A long text is truncated, and the title says so.

    Args:
        score: Score of the text.
        path: The image file; its extension is the format. Its folder is created if needed.
    """
    units = surprisal_units(score)
    lines = list(_lines(units))
    shown = lines[:_MOST_LINES]
    cut = f", the first {len(shown)} of {len(lines)} lines" * (lines != shown)
    title, small = _title(score, cut), _metrics(score)
    head = _MARGIN + _TITLE * len(title) + _SMALL * len(small) + _LEADING
    width = 2 * _MARGIN + _COLUMNS * _ADVANCE + _BARS
    height = head + len(shown) * _LEADING + _LEGEND + _MARGIN
    figure = Figure(figsize=(width / 72, height / 72))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(height - head, -head))
    axes.set_axis_off()
    limit = colour_limit(units)
    _draw_text(axes, shown, limit)
    _draw_means(axes, shown, _MARGIN + _COLUMNS * _ADVANCE + 14)
    top = _MARGIN - head
    axes.text(_MARGIN, top, "\n".join(title), fontsize=12, va="top")
    style: dict[str, Any] = {"fontsize": 9, "color": GREY, "va": "top"}
    axes.text(_MARGIN, top + _TITLE * len(title), "\n".join(small), **style)
    bar = figure.add_axes((_MARGIN / width, (_MARGIN + 18) / height, 0.4, 9 / height))
    figure.colorbar(
        ScalarMappable(Normalize(0, limit), SURPRISAL_COLOURS),
        cax=bar,
        orientation="horizontal",
        extend="max",
        label="surprisal of a token in bits",
        ticks=range(0, limit + 1, limit // 4),
    )
    save_figure(figure, path)


def _lines(units: Sequence[SurprisalUnit]) -> Iterator[_Line]:
    """Yield the lines of the text, the long ones wrapped at spaces."""
    cells: list[_Cell] = []
    for number, unit in enumerate(units):
        for letter in unit.text:
            if letter != "\n":
                cells.append((letter if letter.isprintable() else "\u00b7", number))
                continue
            if unit.bits is not None:
                cells.append(("\u21b5", number))
            yield from _wrapped(cells, units)
            cells = []
    if cells:
        yield from _wrapped(cells, units)


def _wrapped(cells: list[_Cell], units: Sequence[SurprisalUnit]) -> Iterator[_Line]:
    while len(cells) > _COLUMNS:
        spaces = [i for i in range(1, _COLUMNS + 1) if cells[i - 1][0] == " "]
        cut = spaces[-1] if spaces else _COLUMNS
        yield _line(cells[:cut], units)
        cells = cells[cut:]
    yield _line(cells, units)


def _line(cells: list[_Cell], units: Sequence[SurprisalUnit]) -> _Line:
    spans, total, start = [], 0.0, 0
    for number, group in groupby(cells, key=lambda cell: cell[1]):
        end, unit = start + len(list(group)), units[number]
        if unit.bits is not None:
            spans.append((start, end, unit.bits, unit.unknown))
            total += unit.bits * (end - start) / len(unit.text)
        start = end
    return _Line("".join(letter for letter, _ in cells), spans, total)


def _draw_text(axes: Axes, lines: list[_Line], limit: int) -> None:
    boxes, bits = [], []
    for number, line in enumerate(lines):
        top = number * _LEADING
        bottom, baseline = top + _LEADING - 1.5, top + 0.72 * _LEADING
        for start, end, cost, unknown in line.spans:
            left, right = (_MARGIN + column * _ADVANCE for column in (start, end))
            boxes.append([(left, top), (right, top), (right, bottom), (left, bottom)])
            bits.append(cost)
            if unknown:
                axes.plot([left, right - 1], [bottom - 1] * 2, color=BLUE, linewidth=1.2)
        axes.text(
            _MARGIN,
            baseline,
            line.text,
            family="DejaVu Sans Mono",
            fontsize=_POINTS,
            verticalalignment="baseline",
            parse_math=False,
        )
    colours = [SURPRISAL_COLOURS(min(1.0, cost / limit)) for cost in bits]
    axes.add_collection(PolyCollection(boxes, facecolors=colours, edgecolors="none", zorder=0))


def _draw_means(axes: Axes, lines: list[_Line], left: float) -> None:
    """Draw a bar per line on the right: its bits divided by its letters."""
    means = [line.bits / max(1, len(line.text)) for line in lines]
    longest, most = _BARS - 50, max([*means, 1e-9])
    for number, mean in enumerate(means):
        if not lines[number].spans:
            continue
        middle, length = (number + 0.45) * _LEADING, longest * mean / most
        axes.barh(middle, length, 0.55 * _LEADING, left=left, color=GREY, alpha=0.6)
        axes.text(left + length + 4, middle, f"{mean:.2f}", fontsize=7, color=GREY, va="center")
    axes.text(left, -5, "bits per character", fontsize=8, color=GREY)


def _title(score: TextScore, cut: str) -> list[str]:
    return textwrap.wrap(f"{score.model} on {score.text.title}{cut}", 72)


def _metrics(score: TextScore) -> list[str]:
    """Lines of metrics below the title."""
    metrics = score.metrics
    unknown = metrics["unknown_share"]
    parts = [
        f"{metrics['bits_per_character']:.3f}{score.asterisk} bits per character",
        f"perplexity {metrics['perplexity']:,.2f} over {len(score.nats):,} tokens",
        f"{unknown:.1%} unknown (underlined)" if unknown else "none unknown",
    ]
    if score.temperature != 1:
        parts.append(f"temperature {score.temperature:g}: not the model's probabilities")
    return textwrap.wrap(", ".join(parts), 100)
