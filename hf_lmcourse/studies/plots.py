"""The plots of a study, one for each question that it answers."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ..report.tables import MODEL_TITLES
from ..report.titles import capitalised, corpus_title, metric_title
from .curve_plots import along, has_losses, has_metric_curve, plot_losses, plot_metric_curve
from .quantities import measured_costs
from .selection import levels_of
from .value_plots import plot_costs, plot_metric, varied


@dataclass(frozen=True)
class StudyPlot:
    """A plot of a study.

    Attributes:
        name: Of its file, without the extension.
        title: What it shows, in words.
        draw: Draws it to a file, whose extension is the format.
    """

    name: str
    title: str
    draw: Callable[[Path], None]


def study_plots(study: dict[str, Any]) -> list[StudyPlot]:
    """List the plots of a study, those that show more than one point.

    They are the metric against what is varied, the accuracy by epoch, the losses of training and
    validation, and time and memory. The first has the name of the study, and the others begin with
    it. A panel has at most eight lines: of more, the first and the best on validation.

    Args:
        study: Content of the study's file; an old one may lack costs and curves.
    """
    metric, by = capitalised(metric_title(study["metric"])), varied(study)
    when = "epoch" if along(study) == "epochs" else "time of training"
    several = len(levels_of(study)) > 1
    kinds = (
        ("metric", several, f"{metric} by {by}", plot_metric),
        ("curve", has_metric_curve(study), f"{metric} by {when}", plot_metric_curve),
        ("losses", has_losses(study), f"Loss by {when}", plot_losses),
        ("costs", bool(measured_costs(study)), f"Time and memory by {by}", plot_costs),
    )
    model = MODEL_TITLES.get(study["model_type"], study["model_type"])
    below = f"{model} on {corpus_title(study['corpus'])}"
    shown = [(kind, title, draw) for kind, wanted, title, draw in kinds if wanted]
    return [
        StudyPlot(
            study["name"] if number == 0 else f"{study['name']}_{kind}",
            title,
            partial(draw, study, title, below),
        )
        for number, (kind, title, draw) in enumerate(shown)
    ]


def plot_study(study: dict[str, Any], folder: Path) -> list[Path]:
    """Draw the plots of a study into a folder, and return their files."""
    files = {folder / f"{plot.name}.png": plot for plot in study_plots(study)}
    for file, plot in files.items():
        plot.draw(file)
    return list(files)
