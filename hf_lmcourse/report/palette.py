"""Colours that colour-blind readers can tell apart, of Okabe and Ito 2008."""

from matplotlib import colormaps
from matplotlib.colors import to_hex

BLUE, VERMILION, GREY = "#0072B2", "#D55E00", "#666666"

PALETTE = (BLUE, VERMILION, "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442", "#000000")
"""One after the other, for as many lines as there are."""


def distinct_colours(count: int) -> list[str]:
    """So many colours: of the palette, or steps along a colour map if these are too few."""
    if count <= len(PALETTE):
        return list(PALETTE[:count])
    return [to_hex(colormaps["turbo"](index / (count - 1))) for index in range(count)]
