"""The plot of a study: metrics against what is varied, costs, curves, and old files."""

import math
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from hf_lmcourse.report.palette import distinct_colours
from hf_lmcourse.studies.plots import plot_study
from hf_lmcourse.studies.table import study_table, write_study_csv

LOSSES = (5.0, 4.0, 3.5)


def point(variant: str, seed: int = 1, shift: float = 0.0, **changes: Any) -> dict[str, Any]:
    """A language model's training whose validation losses are those above and a shift."""
    losses = [loss + shift for loss in LOSSES]
    columns = {"epoch": [1.0, 2.0, 3.0], "seconds": [60.0, 120.0, 180.0], "loss": losses}
    training = {name: values[:] for name, values in columns.items()}
    training["loss"] = [9.0, *(loss - 0.5 for loss in losses[1:])]
    training["epoch"] = [0.1, 2.0, 3.0]
    figures = {"perplexity": math.exp(losses[-1]), "nats_per_token": losses[-1]}
    return {
        "variant": variant,
        "seed": seed,
        "settings": {},
        "metrics": {"validation": figures, "test": figures},
        "num_sampled": None,
        "curves": {"training": training, "validation": columns},
        "parameters": 7,
        "seconds_per_step": 0.02,
        "peak_memory_bytes": 700_000_000,
    } | changes


def study(factors: dict[str, list[str]], **changes: Any) -> dict[str, Any]:
    variants = [", ".join(levels) for levels in product(*factors.values())]
    return {
        "name": "small",
        "model_type": "lmcourse_lstm",
        "corpus": "ptb",
        "factors": factors,
        "metric": "perplexity",
        "curves_by": "epoch",
        "points": [point(variant, shift=0.1 * i) for i, variant in enumerate(variants)],
    } | changes


def classifier(variant: str, accuracy: float) -> dict[str, Any]:
    curves = {
        "training": {"epoch": [1.0, 2.0], "seconds": [1.0, 2.0], "loss": [0.6, 0.5]},
        "validation": {
            "epoch": [1.0, 2.0],
            "seconds": [1.0, 2.0],
            "loss": [0.65, 0.6],
            "accuracy": [accuracy - 0.1, accuracy],
        },
    }
    return point(variant, metrics={"validation": {"accuracy": accuracy}}, curves=curves)


def panels(drawn: list[Figure], record: dict[str, Any], folder: Path) -> dict[str, Axes]:
    """The panels by the label of their figure, and the cell of the legend as "legend"."""
    plot_study(record, folder / "study.png")
    assert (folder / "study.png").read_bytes().startswith(b"\x89PNG")
    cells = {}
    for axes in drawn[-1].axes:
        if axes.axison:
            along = axes.get_ylabel() or axes.get_xlabel()
            cells[along if axes.lines or along else "empty"] = axes
        elif axes.get_legend() is not None:
            cells["legend"] = axes
    return cells


def curves(axes: Axes, style: str) -> list[list[float]]:
    lines = [line for line in axes.lines if line.get_linestyle() == style]
    return [np.round(np.asarray(line.get_ydata(), dtype=float), 4).tolist() for line in lines]


def legend(cells: dict[str, Axes]) -> tuple[list[str], str]:
    shown = cells["legend"].get_legend()
    assert shown is not None
    return [text.get_text() for text in shown.get_texts()], shown.get_title().get_text()


def test_a_language_model_shows_loss_and_perplexity_of_training_and_validation(
    drawn: list[Figure], tmp_path: Path
) -> None:
    cells = panels(drawn, study({"optim": ["sgd", "adam"]}), tmp_path)
    assert list(cells) == [
        "perplexity",
        "milliseconds per step",
        "peak memory in MB",
        "loss, nats per token",
        "legend",
    ]  # the metric and the curve of it have one name: the curve, drawn last
    assert curves(cells["loss, nats per token"], "-") == [[5, 4, 3.5], [5.1, 4.1, 3.6]]
    assert curves(cells["loss, nats per token"], "--") == [[9, 3.5, 3], [9, 3.6, 3.1]]
    expected = [[round(math.exp(loss + shift), 4) for loss in LOSSES] for shift in (0, 0.1)]
    assert curves(cells["perplexity"], "-") == expected
    assert legend(cells)[0] == [
        "optim:", "sgd", "adam", "split:", "validation", "test", "training",
    ]  # fmt: skip
    assert cells["milliseconds per step"].get_xlim()[0] == 0


def test_the_beginning_of_the_training_does_not_flatten_the_rest(
    drawn: list[Figure], tmp_path: Path
) -> None:
    cells = panels(drawn, study({"optim": ["sgd", "adam"]}), tmp_path)
    low, high = cells["loss, nats per token"].get_ylim()
    assert low < 3 and 5.1 < high < 6
    low, high = cells["perplexity"].get_ylim()
    assert low < math.exp(3) and math.exp(3.6) < high < 2 * math.exp(3.6)


@pytest.mark.parametrize(("sampled", "named"), [([None, 50], True), ([None, None], False)])
def test_the_legend_says_what_the_training_loss_is(
    sampled: list[int | None], named: bool, drawn: list[Figure], tmp_path: Path
) -> None:
    record = study({"optim": ["sgd", "adam"]})
    for one, number in zip(record["points"], sampled, strict=True):
        one["num_sampled"] = number
    note = legend(panels(drawn, record, tmp_path))[1]
    assert "in training mode" in note
    assert ("over sampled words" in note) == named


def test_a_classifier_shows_loss_and_accuracy(drawn: list[Figure], tmp_path: Path) -> None:
    points = [classifier("0", 0.8), classifier("2", 0.9)]
    record = study({"num_hidden_layers": ["0", "2"]}, points=points, metric="accuracy")
    cells = panels(drawn, record, tmp_path)
    assert curves(cells["accuracy"], "-") == [[0.7, 0.8], [0.8, 0.9]]
    assert curves(cells["loss, nats per text"], "--") == [[0.6, 0.5]] * 2
    assert "perplexity" not in cells
    assert cells["milliseconds per step"].get_xlabel() == "num hidden layers"


def test_curves_of_several_seeds_are_means(drawn: list[Figure], tmp_path: Path) -> None:
    points = [point("a", 1), point("a", 2, shift=1.0)]
    cells = panels(drawn, study({"variant": ["a"]}, points=points), tmp_path)
    assert curves(cells["loss, nats per token"], "-") == [[5.5, 4.5, 4.0]]


def test_many_logs_of_a_training_are_put_together(drawn: list[Figure], tmp_path: Path) -> None:
    record = study({"variant": ["a"]})
    losses = [5.0, 3.0] * 200
    record["points"][0]["curves"]["training"] = {
        "epoch": [n / 100 for n in range(400)],
        "seconds": [float(n) for n in range(400)],
        "loss": losses,
    }
    cells = panels(drawn, record, tmp_path)
    (shown,) = curves(cells["loss, nats per token"], "--")
    assert len(shown) <= 60 and shown[0] == pytest.approx(np.mean(losses[:7]), abs=1e-3)


def test_trainings_of_a_limited_time_are_drawn_by_minutes(
    drawn: list[Figure], tmp_path: Path
) -> None:
    cells = panels(drawn, study({"variant": ["a"]}, curves_by="seconds"), tmp_path)
    axes = cells["loss, nats per token"]
    assert axes.get_xlabel() == "minutes of training steps"
    assert np.asarray(axes.lines[0].get_xdata()).tolist() == [1, 2, 3]


def test_a_grid_is_a_line_for_each_level_of_the_first_factor_along_the_second(
    drawn: list[Figure], tmp_path: Path
) -> None:
    record = study({"pattern": ["full", "local"], "length": ["64", "256", "1024"]})
    cells = panels(drawn, record, tmp_path)
    axes = cells["milliseconds per step"]
    joined = [line for line in axes.lines if line.get_linestyle() == "-"]
    assert [np.asarray(line.get_xdata()).tolist() for line in joined] == [[64, 256, 1024]] * 2
    assert [line.get_color() for line in joined] == distinct_colours(2)
    assert axes.get_xscale() == "log" and axes.get_xlabel() == "length"
    assert legend(cells)[0] == (
        ["pattern:", "full", "local", "length:", "64", "256", "1024"]
        + ["split:", "validation", "test", "training"]
    )
    looks = {(line.get_color(), line.get_marker()) for line in cells["perplexity"].lines[::2]}
    assert len(looks) == 6, "each variant has a colour and a marker of its own"


def test_names_stand_one_below_the_other_and_as_many_as_there_are(
    drawn: list[Figure], tmp_path: Path
) -> None:
    names = [f"all but technique {n}" for n in range(21)]
    record = study({"variant": names})
    for one in record["points"]:
        one["metrics"] = {"validation": one["metrics"]["validation"]}
    plot_study(record, tmp_path / "study.png")
    first, second = drawn[0].axes[:2]
    assert [label.get_text() for label in first.get_yticklabels()] == names
    assert not any(label.get_text() for label in second.get_yticklabels())
    FigureCanvasAgg(drawn[0]).draw()
    heights = [label.get_window_extent() for label in first.get_yticklabels()]
    assert all(upper.y0 >= lower.y1 for upper, lower in zip(heights, heights[1:], strict=False))
    assert len(set(distinct_colours(21))) == 21
    shown = drawn[0].axes[-1].get_legend()
    assert shown is not None
    box = shown.get_window_extent()
    assert box.x0 >= drawn[0].axes[4].get_window_extent().x1, "right of the curves"
    assert box.x1 <= drawn[0].bbox.x1 and box.y0 >= 0


def old_point(variant: str, metric: str, values: list[float]) -> dict[str, Any]:
    """As studies kept it before there were curves and costs."""
    old = point(variant, history=[[float(n), value] for n, value in enumerate(values, start=1)])
    old["metrics"] = {"validation": {metric: values[-1]}}
    for name in ("curves", "num_sampled", "seconds_per_step", "peak_memory_bytes"):
        del old[name]
    return old


def old_study(metric: str, points: list[dict[str, Any]]) -> dict[str, Any]:
    record = study({"variant": ["a", "b"]}, metric=metric, points=points, factor="variant")
    del record["factors"], record["curves_by"]
    return record


@pytest.mark.parametrize(
    ("metric", "labels"),
    [
        ("accuracy", ["accuracy", "legend"]),
        ("perplexity", ["perplexity", "loss, nats per token", "legend"]),
    ],
)
def test_a_file_from_before_there_were_curves_is_drawn_as_far_as_it_goes(
    metric: str, labels: list[str], drawn: list[Figure], tmp_path: Path
) -> None:
    points = [old_point("a", metric, [0.8, 0.9]), old_point("b", metric, [0.6, 0.7])]
    cells = panels(drawn, old_study(metric, points), tmp_path)
    assert list(cells) == labels
    assert curves(cells[metric], "-") == [[0.8, 0.9], [0.6, 0.7]]
    assert "training" not in legend(cells)[0]
    assert legend(cells)[1] == ""


def test_old_and_new_points_share_a_plot(drawn: list[Figure], tmp_path: Path) -> None:
    old = old_point("a", "perplexity", [math.exp(6), math.exp(5)])
    cells = panels(drawn, old_study("perplexity", [old, point("b")]), tmp_path)
    assert curves(cells["loss, nats per token"], "-") == [[6, 5], [5, 4, 3.5]]


def test_a_metric_without_the_spelling_of_unknown_words_has_an_asterisk(
    drawn: list[Figure], tmp_path: Path
) -> None:
    record = study({"optim": ["sgd", "adam"]}, metric="bits_per_character")
    for share in (0.0, 0.1):
        for done in record["points"]:
            done["metrics"] = {"validation": {"bits_per_character": 2.0, "unknown_share": share}}
        cells = panels(drawn, record, tmp_path)
        assert ("bits per character*" in cells) == (share > 0) != ("bits per character" in cells)
        assert ("spelling of unknown tokens" in legend(cells)[1]) == (share > 0)


def test_the_csv_file_of_a_grid_has_a_column_for_each_factor(tmp_path: Path) -> None:
    record = study({"pattern": ["full", "local"], "length": ["64", "256"]})
    write_study_csv(record, tmp_path / "grid.csv")
    header, *lines = (tmp_path / "grid.csv").read_text().splitlines()
    assert header.startswith("pattern,length,seed,split,")
    assert lines[2].startswith("full,256,1,validation,") and len(lines) == 4 + 1
    table = study_table(record).splitlines()
    assert table[0].split()[:3] == ["pattern,", "length", "split"]
    assert "full, 64" in table[1] and len(table) == 6


def test_a_grid_that_was_stopped_shows_what_is_done(drawn: list[Figure], tmp_path: Path) -> None:
    record = study({"pattern": ["full", "local"], "length": ["64", "256"]})
    record["points"] = record["points"][:3]
    cells = panels(drawn, record, tmp_path)
    assert len(curves(cells["loss, nats per token"], "-")) == 3
    assert len(study_table(record).splitlines()) == 5


def test_only_the_variant_that_validation_picks_has_a_marker_for_its_test_score(
    drawn: list[Figure], tmp_path: Path
) -> None:
    record = study({"optim": ["sgd", "adam", "adagrad"]}, metric="nats_per_token")
    axes = panels(drawn, record, tmp_path)["nats per token"]
    hollow = [line for line in axes.lines if line.get_markerfacecolor() == "none"]
    assert [line.get_color() for line in hollow] == [distinct_colours(3)[0]]
    assert len([line for line in axes.lines if line.get_marker() == "o"]) == 4
