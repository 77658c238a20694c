"""Plots of attention weights."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from numpy.typing import NDArray

from ..report.figures import PAGE_WIDTH, page_figure, save_figure

_INCHES_PER_TOKEN, _INCHES_PER_LETTER = 0.11, 0.075
_MARGIN = 0.5
_TICKS = (0, 0.01, 0.05, 0.1, 0.2, 0.4, 0.7, 1)
_SMALLEST_PANEL, _LARGEST_PANEL, _TALLEST = 1.2, 6.5, 40.0
"""Inches of a panel, and of the figure."""


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
    columns, size = _grid(len(panels), len(tokens), max(len(token) for token in tokens))
    rows = -(-len(panels) // columns)
    margin = _MARGIN + _INCHES_PER_LETTER * max(len(token) for token in tokens)  # of the labels
    figure = page_figure(0.9 + rows * (size + margin), title)
    grid = figure.subplots(rows, columns, squeeze=False).flatten()
    # The colour follows the square root of the weight, so that small weights are visible.
    norm = PowerNorm(gamma=0.5, vmin=0, vmax=1)
    for axes, panel, name in zip(grid, panels, names, strict=False):
        image = axes.imshow(panel, cmap="Blues", norm=norm, interpolation="nearest")
        _label_tokens(axes, tokens, size)
        axes.set_title(name, fontsize=10)
    for axes in grid[len(panels) :]:
        axes.set_axis_off()
    style: dict[str, Any] = {"location": "bottom", "aspect": 50, "fraction": 0.3 / (rows * size)}
    bar = figure.colorbar(image, ax=list(grid), pad=0.02, ticks=_TICKS, format="%g", **style)
    bar.set_label("attention weight")
    figure.supxlabel("key", fontsize=10)
    figure.supylabel("query", fontsize=10)
    save_figure(figure, path)


def _grid(panels: int, tokens: int, longest: int) -> tuple[int, float]:
    """Choose as many columns as leave room for a label per token, and inches of a panel.

    If the figure became too tall, there are more columns, and not every token has a label.
    """
    margin = _MARGIN + _INCHES_PER_LETTER * longest

    def size(columns: int) -> float:
        return min(PAGE_WIDTH / columns - margin, _LARGEST_PANEL)

    columns = math.ceil(math.sqrt(panels))
    while columns > 1 and size(columns) < _INCHES_PER_TOKEN * tokens:
        columns -= 1
    while columns < panels and panels / columns * (size(columns) + margin) > _TALLEST:
        if size(columns + 1) < _SMALLEST_PANEL:
            break
        columns += 1
    return columns, max(size(columns), _SMALLEST_PANEL)


def _label_tokens(axes: Axes, tokens: Sequence[str], size: float) -> None:
    """Label every token, or every second, third, ... if their labels would overlap."""
    every = math.ceil(_INCHES_PER_TOKEN * len(tokens) / size)
    points = min(9.0, 72 * size * every / len(tokens) * 0.75)
    places, labels = range(0, len(tokens), every), tokens[::every]
    longest = max(len(token) for token in tokens)
    axes.set_xticks(places, labels, rotation=90 if longest > 1 else 0, fontsize=points)
    axes.set_yticks(places, labels, fontsize=points)
    axes.tick_params(length=0, pad=2)
