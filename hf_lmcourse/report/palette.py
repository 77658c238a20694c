"""Looks of lines that colour-blind readers can tell apart: a colour, a marker and a line style."""

from dataclasses import dataclass
from itertools import cycle
from typing import Any

BLUE, VERMILION, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#666666"

PALETTE = (BLUE, VERMILION, GREEN, "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999")
"""Colours of Okabe and Ito 2008, with a grey for their yellow, which hardly shows on white."""


@dataclass(frozen=True)
class Look:
    """How a line is drawn, so that it can be told from the others without its colour."""

    colour: str
    marker: str
    style: str

    def as_line(self) -> dict[str, Any]:
        """The arguments of `Axes.plot` for it."""
        return {"color": self.colour, "marker": self.marker, "linestyle": self.style}


LOOKS = tuple(map(Look, PALETTE, "os^Dv*PX", cycle(("-", "--", "-.", ":"))))
"""One after the other, for as many lines as a panel may have."""

MOST_LINES = len(LOOKS)
"""A panel with more lines cannot be read."""
