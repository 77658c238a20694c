"""Colours that colour-blind readers can tell apart, of Okabe and Ito 2008."""

__all__ = ["BLUE", "GREY", "PALETTE", "VERMILION"]

BLUE, VERMILION, GREY = "#0072B2", "#D55E00", "#666666"

PALETTE = (BLUE, VERMILION, "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442", "#000000")
"""One after the other, for as many lines as there are."""
