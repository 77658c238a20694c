"""Report on the errors of a classifier: Markdown and plots."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ..report.figures import save_figure
from ..report.markdown import escaped
from ..report.palette import BLUE, GREY, PALETTE
from ..report.tables import markdown_table
from .classifier_errors import Contributions, Group

_SHOWN_WORDS = 8
_SHOWN_CHARACTERS = 600


@dataclass(frozen=True)
class WrongText:
    """A text that was classified incorrectly.

    Attributes:
        text: The text.
        right: True class.
        predicted: Predicted class.
        probability: Probability of the predicted class.
        words: Words of the text.
        contributions: Contribution of each word.
    """

    text: str
    right: str
    predicted: str
    probability: float
    words: Sequence[str]
    contributions: Contributions


def errors_markdown(
    title: str,
    confusion: NDArray[np.int64],
    classes: Sequence[str],
    tables: Mapping[str, Sequence[Group]],
    calibration_error: float,
    examples: Mapping[str, Sequence[WrongText]],
) -> str:
    """Format the report.

    Args:
        title: Model and texts.
        confusion: Number of texts by true class (row) and predicted class (column).
        classes: Names of the classes.
        tables: Groups of texts by title.
        calibration_error: Expected calibration error.
        examples: Incorrectly classified texts by title.

    Returns:
        Markdown that refers to confusion.png, calibration.png and groups.png in the same folder.
    """
    right, total = int(np.trace(confusion)), int(confusion.sum())
    parts = [
        f"# {escaped(title)}",
        f"{right:,} of {total:,} texts are classified correctly: {right / total:.2%}.",
        "## Confusion",
        markdown_table(
            ["true class", *(f"predicted {escaped(name)}" for name in classes)],
            [
                [escaped(name), *(f"{n:,}" for n in row)]
                for name, row in zip(classes, confusion.tolist(), strict=True)
            ],
        ),
        "![confusion matrix](confusion.png)",
        "## Calibration",
        f"Expected calibration error: {calibration_error:.2%}.",
        "![calibration](calibration.png)",
        "## Accuracy by group",
        "![accuracy of groups](groups.png)",
    ]
    for name, groups in tables.items():
        parts += [f"### {name}", _groups_table(groups)]
    for name, wrong in examples.items():
        parts.append(f"## {name}")
        parts += [_example(number, text) for number, text in enumerate(wrong, start=1)]
    return "\n\n".join(parts) + "\n"


def plot_confusion(confusion: NDArray[np.int64], classes: Sequence[str], path: Path) -> None:
    """Draw the confusion matrix, each row normalised by its class."""
    figure = Figure(figsize=(1.6 + len(classes), 1.4 + len(classes)), layout="constrained")
    axes = figure.add_subplot()
    shares = confusion / np.maximum(confusion.sum(1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), number in np.ndenumerate(confusion):
        colour = "white" if shares[row, column] > 0.5 else "black"
        text = f"{number:,}\n{shares[row, column]:.1%}"
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=9)
    axes.set_xticks(range(len(classes)), classes)
    axes.set_yticks(range(len(classes)), classes)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    save_figure(figure, path)


def plot_calibration(groups: Sequence[Group], path: Path) -> None:
    """Draw accuracy against confidence; on the diagonal a classifier is perfectly calibrated."""
    figure = Figure(figsize=(5.5, 5), layout="constrained")
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1, label="perfectly calibrated")
    sizes = [20 + 400 * group.texts / sum(g.texts for g in groups) for group in groups]
    confidence, accuracy = zip(*((g.confidence, g.accuracy) for g in groups), strict=True)
    axes.plot(confidence, accuracy, color=BLUE, linewidth=1)
    axes.scatter(confidence, accuracy, sizes, color=BLUE, alpha=0.6, label="texts (area: number)")
    axes.set_xlabel("mean probability of the predicted class")
    axes.set_ylabel("accuracy")
    axes.set_xlim(min(confidence) - 0.05, 1.02)
    axes.set_ylim(min(*accuracy, *confidence) - 0.05, 1.02)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, loc="upper left")
    save_figure(figure, path)


def plot_groups(tables: Mapping[str, Sequence[Group]], path: Path) -> None:
    """Draw the accuracy of groups of texts, a panel per table, with the numbers of texts."""
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    panels = figure.subplots(1, len(tables), sharey=True, squeeze=False)[0]
    for index, (name, groups) in enumerate(tables.items()):
        axes, colour = panels[index], PALETTE[index]
        places = [place for place, group in enumerate(groups) if group.texts]
        heights = [100 * groups[place].accuracy for place in places]
        axes.plot(places, heights, "o-", color=colour, linewidth=1)
        for place, height in zip(places, heights, strict=True):
            axes.annotate(
                f"{groups[place].texts:,}", (place, height), (0, 7), textcoords="offset points",
                fontsize=8, ha="center",
            )  # fmt: skip
        axes.margins(x=0.15)
        axes.set_xticks(range(len(groups)), [g.name for g in groups], rotation=20, fontsize=8)
        axes.set_title(name, fontsize=10)
        axes.grid(axis="y", alpha=0.3)
    panels[0].margins(y=0.2)
    panels[0].set_ylabel("accuracy in percent (numbers: texts)")
    save_figure(figure, path)


def _groups_table(groups: Sequence[Group]) -> str:
    rows = [
        [
            g.name,
            f"{g.texts:,}",
            *(f"{v:.2%}" if g.texts else "-" for v in (g.accuracy, g.confidence)),
        ]
        for g in groups
    ]
    return markdown_table(["texts", "number", "accuracy", "mean confidence"], rows)


def _example(number: int, wrong: WrongText) -> str:
    text = " ".join(wrong.text.split())
    if len(text) > _SHOWN_CHARACTERS:
        text = f"{text[:_SHOWN_CHARACTERS]} ..."
    left_out = wrong.contributions.leave_one_out
    order = left_out.argsort().tolist()
    strongest = [*reversed(order[-_SHOWN_WORDS:]), *order[:_SHOWN_WORDS]]
    rows = [
        [
            wrong.words[place],
            f"{left_out[place]:+.4f}",
            f"{wrong.contributions.gradient_times_input[place]:+.4f}",
        ]
        for place in dict.fromkeys(strongest)
    ]
    head = f"{number}. {wrong.right}, predicted {wrong.predicted}, p = {wrong.probability:.3f}"
    header = ["word", "leave one out (nats)", "gradient x input (nats)"]
    return f"### {head}\n\n> {text}\n\n{markdown_table(header, rows)}"
