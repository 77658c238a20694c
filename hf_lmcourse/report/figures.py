"""Figures as files, at the width of a page."""

import re
import textwrap
from collections.abc import Sequence
from pathlib import Path

from matplotlib import rc_context
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.text import Text

from ..errors import short
from .files import whole_file

PAGE_WIDTH = 8.0
"""Inches of a plot. A page shows it about 700 pixels wide, so that 9 points are 11 pixels high."""

_LETTERS = 104
"""Of 9 points, side by side on a page."""

_HANDLE = 8
"""Letters that a handle of the legend and the space around it are wide."""

_LINE = 0.19
"""Inches of a line of the legend."""

_MOST_NAME_LINES = 3


def page_figure(height: float, title: str, below: str = "") -> Figure:
    """Make a figure as wide as a page, with a title and a second, smaller line below it.

    Args:
        height: In inches, without a legend.
        title: What is shown, in words.
        below: Of what, such as a model and a corpus.
    """
    layout = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.06)
    figure = Figure(figsize=(PAGE_WIDTH, height), layout=layout)
    lines = [*textwrap.wrap(title, 80), *textwrap.wrap(below, 80)]
    figure.suptitle("\n".join(lines), fontsize=12)
    return figure


def legend_below(figure: Figure, handles: Sequence[Artist], title: str = "") -> None:
    """Draw a legend below all panels, in as many columns as fit, and make room for it.

    Args:
        figure: From `page_figure`.
        handles: With the labels that they have; no legend is drawn without any.
        title: What the labels are.
    """
    if not handles:
        return
    labels = [textwrap.fill(str(handle.get_label()), _LETTERS - _HANDLE) for handle in handles]
    longest = max(len(line) for label in labels for line in label.splitlines())
    columns = max(1, min(4, _LETTERS // (longest + _HANDLE)))
    lines = title.count("\n") + bool(title) - (-len(labels) // columns)
    figure.set_figheight(figure.get_figheight() + _LINE * lines)
    figure.legend(
        handles=list(handles),
        labels=labels,
        title=title or None,
        loc="outside lower center",
        ncols=columns,
        frameon=False,
        fontsize=9,
        title_fontsize=9,
    )


def wrapped(name: str, width: int) -> str:
    """Break a name into lines, after spaces and signs if there are any; cut what is very long.

    Args:
        name: Such as that of a model, a class or a setting.
        width: Most letters of a line.
    """
    lines = [""]
    for part in re.findall(r"[^\s_/-]*[\s_/-]?", short(name, _MOST_NAME_LINES * width)):
        for start in range(0, len(part), width):
            piece = part[start : start + width]
            if len(lines[-1]) + len(piece.rstrip()) > width:
                lines.append("")
            lines[-1] += piece
    return "\n".join(line.strip() for line in lines)


def save_figure(
    figure: Figure, path: str | Path, dpi: int = 150, *, formulas: bool = False
) -> None:
    """Save a figure, whole or not at all, and create its folder if it does not exist.

    Args:
        figure: The figure.
        path: Its extension is the format, such as .png.
        dpi: Dots per inch.
        formulas: Its texts have formulas between dollar signs; otherwise a dollar sign is one, as
            in the name of a file or a class.

    Raises:
        LmcourseError: The file cannot be written.
    """
    path = Path(path)
    for text in figure.findobj(Text):
        text.set_parse_math(formulas)
    with whole_file(path) as unfinished, rc_context({"text.parse_math": formulas}):
        figure.savefig(unfinished, format=path.suffix.removeprefix(".") or None, dpi=dpi)
