"""Plot of bits per character, by text and model."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from ..report.figures import legend_below, page_figure, save_figure, wrapped
from ..report.palette import GREY, LOOKS, MOST_LINES, Look

_COLUMNS = 2
_LONGEST_NAME = 30
_NOTE = "in training text"
_ROOM = 0.45
"""Share of a panel that this note is wide, to the right of the markers."""


def plot_perplexities(rows: Sequence[Mapping[str, Any]], path: str | Path) -> None:
    """Draw bits per character, with a panel per text, a row per model and a marker per version.

    Filled markers of one kind can be compared within a panel, hollow ones cannot: there, some
    characters have no probability, the temperature is not 1, or the first token is not predicted.

    Args:
        rows: At least one, as `json_record` has them.
        path: The image file; its extension is the format. Its folder is created if needed.
    """
    models = list(dict.fromkeys(row["model"] for row in rows))
    texts = list(dict.fromkeys(row["passage"] for row in rows))
    chains = list(dict.fromkeys(row["preprocessing"] for row in rows))
    looks = {chain: LOOKS[number % MOST_LINES] for number, chain in enumerate(chains)}
    names = [wrapped(model, _LONGEST_NAME) for model in models]
    columns = min(_COLUMNS, len(texts))
    lines = -(-len(texts) // columns)
    height = 0.5 + len(models) * max(0.3, 0.17 * max(1 + name.count("\n") for name in names))
    title = "Bits per character of each model"
    figure = page_figure(0.9 + lines * (height + 0.4), title, _temperature(rows))
    grid = figure.subplots(lines, columns, squeeze=False, sharey=True, sharex=True).flatten()
    for number, (axes, text) in enumerate(zip(grid, texts, strict=False)):
        _draw(axes, [row for row in rows if row["passage"] == text], models, looks)
        axes.set_title(wrapped(text, 96 // columns - 12), fontsize=10, loc="left")
        axes.set_yticks(range(len(models)), names)
        axes.tick_params(axis="y", length=0, labelleft=number % columns == 0)
        if number + columns >= len(texts):
            axes.set_xlabel("bits per character")
            axes.tick_params(axis="x", labelbottom=True)
    for axes in grid[len(texts) :]:
        axes.set_axis_off()
    grid[0].set_ylim(len(models) - 0.5, -0.5)
    grid[0].set_xlim(0, _right_end(rows))
    legend_below(figure, _legend(rows, looks))
    save_figure(figure, path)


def _draw(
    axes: Axes, rows: list[Mapping[str, Any]], models: list[str], looks: dict[str, Look]
) -> None:
    chains = list(looks)
    for row in rows:
        look = looks[row["preprocessing"]]
        aside = (chains.index(row["preprocessing"]) + 0.5) / len(chains) - 0.5
        axes.plot(
            row["bits_per_character"],
            models.index(row["model"]) + 0.6 * aside,
            marker=look.marker,
            color=look.colour,
            markerfacecolor=look.colour if _compares(row) else "white",
            linestyle="",
        )
    for place, model in enumerate(models):
        bits = [row["bits_per_character"] for row in rows if row["model"] == model]
        if any(r["verbatim_in_training_text"] for r in rows if r["model"] == model):
            style: dict[str, Any] = {"textcoords": "offset points", "va": "center", "fontsize": 8}
            axes.annotate(_NOTE, (max(bits), place), (7, 0), color=GREY, **style)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)


def _right_end(rows: Sequence[Mapping[str, Any]]) -> float:
    """End of the horizontal axis, with room for the notes."""
    longest = 1.05 * max(row["bits_per_character"] for row in rows)
    noted = {(row["model"], row["passage"]) for row in rows if row["verbatim_in_training_text"]}
    bits = [r["bits_per_character"] for r in rows if (r["model"], r["passage"]) in noted]
    return max([longest, *(value / (1 - _ROOM) for value in bits)])


def _compares(row: Mapping[str, Any]) -> bool:
    """Whether bits per character can be compared, as `bits_key` decides it of a score."""
    return row["lossless"] and row["temperature"] == 1 and row["first_token_from"] is not None


def _temperature(rows: Sequence[Mapping[str, Any]]) -> str:
    temperature = rows[0]["temperature"]
    return "" if temperature == 1 else f"temperature {temperature:g}: not the models' probabilities"


def _legend(rows: Sequence[Mapping[str, Any]], looks: dict[str, Look]) -> list[Line2D]:
    """Explain the versions of the texts, and hollow markers."""
    handles = []
    for chain, look in looks.items() if len(looks) > 1 else ():
        changed = [row["changed_share"] for row in rows if row["preprocessing"] == chain]
        label = chain if chain == "raw" else f"{chain} (up to {max(changed):.1%} changed)"
        handles.append(_marker(label, look, look.colour))
    several = "of one kind " if len(looks) > 1 else ""
    look = next(iter(looks.values())) if len(looks) == 1 else Look(GREY, "o", "-")
    handles.append(_marker(f"comparable {several}within a panel", look, look.colour))
    if not all(map(_compares, rows)):
        handles.append(_marker("not comparable: see the table", look, "white"))
    return handles


def _marker(label: str, look: Look, fill: str) -> Line2D:
    style: dict[str, Any] = {"marker": look.marker, "color": look.colour, "linestyle": ""}
    return Line2D([], [], label=label, markerfacecolor=fill, **style)
