"""Plots of attention weights."""

import math
import textwrap
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ..report.figures import save_figure

_INCHES_PER_TOKEN, _INCHES_PER_LETTER = 0.15, 0.075
_LETTERS_PER_INCH = 10
_TICKS = (0, 0.01, 0.05, 0.1, 0.2, 0.4, 0.7, 1)
_SMALLEST_PANEL, _LARGEST_PANEL = 2.4, 9.0


def plot_heads(
    weights: NDArray[np.floating], tokens: Sequence[str], path: str | Path, title: str
) -> None:
    """Draw every head of a layer, with a row per query and a column per key.

    Args:
        weights: Attention weights of one layer.
        tokens: Labels of both axes.
        path: The image file; its extension is the format.
        title: Title above all panels.

    Shape:
        weights: (heads, tokens, tokens).
    """
    names = [f"head {head}" for head in range(len(weights))]
    _draw_panels(weights, names, tokens, path, title)


def plot_layer_means(
    weights: NDArray[np.floating], tokens: Sequence[str], path: str | Path, title: str
) -> None:
    """Draw the mean over the heads of each layer, and the mean over all layers.

    The arguments are those of `plot_heads`, with the weights of all layers.

    Shape:
        weights: (layers, heads, tokens, tokens).
    """
    means = weights.mean(axis=1)
    names = [f"layer {layer}" for layer in range(len(means))]
    panels = np.concatenate([means, means.mean(axis=0, keepdims=True)])
    _draw_panels(panels, [*names, "mean of all layers"], tokens, path, title)


def _draw_panels(
    panels: NDArray[np.floating],
    names: list[str],
    tokens: Sequence[str],
    path: str | Path,
    title: str,
) -> None:
    columns = math.ceil(math.sqrt(len(panels)))
    rows = math.ceil(len(panels) / columns)
    size = min(max(_SMALLEST_PANEL, _INCHES_PER_TOKEN * len(tokens)), _LARGEST_PANEL)
    margin = 0.8 + _INCHES_PER_LETTER * max(len(token) for token in tokens)  # of the labels
    width = columns * (size + margin) + 0.6
    figure = Figure(figsize=(width, rows * (size + margin)), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).flatten()
    # The colour follows the square root of the weight, so that small weights are visible.
    norm = PowerNorm(gamma=0.5, vmin=0, vmax=1)
    for axes, panel, name in zip(grid, panels, names, strict=False):
        image = axes.imshow(panel, cmap="Blues", norm=norm, interpolation="nearest")
        _label_tokens(axes, tokens, size)
        axes.set_title(name, fontsize=10)
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    bar = figure.colorbar(image, ax=list(grid), shrink=0.6, pad=0.02, ticks=_TICKS, format="%g")
    bar.set_label("attention weight")
    figure.suptitle(textwrap.fill(title, int(_LETTERS_PER_INCH * width)), fontsize=11)
    figure.supxlabel("key", fontsize=10)
    figure.supylabel("query", fontsize=10)
    save_figure(figure, path, dpi=120)


def _label_tokens(axes: Axes, tokens: Sequence[str], size: float) -> None:
    """Label every token, in the largest font that does not overlap."""
    points = min(9.0, 72 * size / len(tokens) * 0.75)
    places = range(len(tokens))
    longest = max(len(token) for token in tokens)
    axes.set_xticks(places, tokens, rotation=90 if longest > 1 else 0, fontsize=points)
    axes.set_yticks(places, tokens, fontsize=points)
    axes.tick_params(length=0, pad=2)
