"""Which plots a study has, what all of them have, and old files."""

import math
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure

from hf_lmcourse.studies.plots import plot_study, study_plots

from ..drawing import lines_of, look, unreadable
from .records import classifier, old_point, old_study, point, study


def names(record: dict[str, Any]) -> list[str]:
    return [plot.name for plot in study_plots(record)]


def test_a_language_model_shows_its_metric_losses_and_costs(tmp_path: Path) -> None:
    record = study({"optim": ["sgd", "adamw_torch"]})
    assert names(record) == ["small", "small_losses", "small_costs"]
    files = plot_study(record, tmp_path / "new")
    assert [file.name for file in files] == [f"{name}.png" for name in names(record)]
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in files)


def test_a_classifier_also_shows_its_accuracy_by_epoch() -> None:
    points = [classifier("0", 0.8), classifier("2", 0.9)]
    record = study({"num_hidden_layers": ["0", "2"]}, points=points, metric="accuracy")
    titles = [plot.title for plot in study_plots(record)]
    assert titles == [
        "Accuracy by number of hidden layers",
        "Accuracy by epoch",
        "Loss by epoch",
        "Time and memory by number of hidden layers",
    ]


def test_titles_are_words(drawn: list[Figure], tmp_path: Path) -> None:
    changes = {"metric": "nats_per_token", "corpus": "tiny_shakespeare", "curves_by": "seconds"}
    record = study({"num_attention_heads": ["1", "2"], "lr_scheduler_type": ["a", "b"]}, **changes)
    plot_study(record, tmp_path)
    for figure in drawn:
        title = figure.get_suptitle()
        assert "_" not in title and "LSTM on tiny Shakespeare" in title
        labels = [axes.get_xlabel() + axes.get_ylabel() for axes in figure.axes]
        assert not any("_" in label for label in labels)
    assert drawn[0].get_suptitle().splitlines()[0] == (
        "Loss in nats per token by number of attention heads and learning rate schedule"
    )


def test_no_panel_shows_one_point(drawn: list[Figure], tmp_path: Path) -> None:
    one = classifier("ten epochs", 0.8)
    record = study({"variant": ["ten epochs"]}, points=[one], metric="accuracy")
    assert names(record) == ["small", "small_losses"]
    assert study_plots(record)[0].title == "Accuracy by epoch"
    short = point("a")
    for columns in short["curves"].values():
        for column in columns.values():
            del column[1:]
    assert names(study({"variant": ["a"]}, points=[short])) == []
    plot_study(study({"variant": ["a", "b"]}, points=[short, short | {"variant": "b"}]), tmp_path)
    for figure in drawn:
        for axes in figure.axes:
            points = {
                p for line in axes.lines for p in zip(*map(tuple, line.get_data()), strict=True)
            }
            assert len(points) != 1


@pytest.mark.parametrize(
    "factors",
    [
        {"variant": [f"all but technique {n} of the many techniques" for n in range(21)]},
        {"pattern": ["full", "local", "strided"], "length": ["64", "256", "1024"]},
        {"pattern": [f"pattern {n}" for n in range(10)], "length": ["64", "256"]},
        {"optim": ["SGD", "Adam"], "a_name_of_the_users_own": ["untied", "tied"]},
        {"learning_rate": ["0", "0.0001", "0.001", "0.1"]},
        {"word_dropout": [f"0.{n}" for n in range(10)]},
    ],
    ids=["variants", "grid", "large grid", "names", "rates", "numbers"],
)
def test_every_panel_can_be_read(
    factors: dict[str, list[str]], drawn: list[Figure], tmp_path: Path
) -> None:
    """At most eight lines, each of its own look; no label covers another or leaves the plot."""
    record = study(factors)
    plot_study(record, tmp_path)
    assert len(drawn) == 3
    for figure in drawn:
        assert figure.get_figwidth() == 8
        assert unreadable(figure) == []
        for axes in figure.axes:
            joined = [line for line in lines_of(axes) if len(line.get_xdata()) > 1]
            assert len(joined) <= 8
            assert len({look(line) for line in joined}) == len(joined)
        bottom = min(axes.get_tightbbox().y0 for axes in figure.axes)
        for legend in figure.legends:
            assert legend.get_window_extent().y1 <= bottom + 1, "below the panels"


def test_a_grid_that_was_stopped_shows_what_is_done(drawn: list[Figure], tmp_path: Path) -> None:
    record = study({"pattern": ["full", "local"], "length": ["64", "256"]})
    record["points"] = record["points"][:3]
    plot_study(record, tmp_path)
    assert [len(lines_of(axes)) for axes in drawn[1].axes] == [3, 3]


@pytest.mark.parametrize(
    ("metric", "expected"),
    [("accuracy", ["small", "small_curve"]), ("perplexity", ["small", "small_losses"])],
)
def test_a_file_from_before_there_were_curves_is_drawn_as_far_as_it_goes(
    metric: str, expected: list[str], tmp_path: Path
) -> None:
    points = [old_point("a", metric, [0.8, 0.9]), old_point("b", metric, [0.6, 0.7])]
    record = old_study(metric, points)
    assert names(record) == expected
    plot_study(record, tmp_path)


def test_old_and_new_points_share_a_plot(drawn: list[Figure], tmp_path: Path) -> None:
    old = old_point("a", "perplexity", [math.exp(6), math.exp(5)])
    plot_study(old_study("perplexity", [old, point("b")]), tmp_path)
    validation = drawn[1].axes[1]
    assert [len(line.get_xdata()) for line in lines_of(validation)] == [2, 3]


def test_values_that_are_not_finite_are_left_out(drawn: list[Figure], tmp_path: Path) -> None:
    record = study({"optim": ["a", "b", "c"]})
    record["points"][0]["metrics"] = {"validation": {"perplexity": math.inf}}
    record["points"][1]["metrics"] = {"validation": {"perplexity": math.nan}}
    record["points"][0]["curves"]["validation"]["loss"] = [5.0, 800.0, math.inf]
    plot_study(record, tmp_path)
    assert all(map(math.isfinite, drawn[1].axes[0].get_ylim()))
