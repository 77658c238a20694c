"""The plots against what is varied: metric, error bars, costs."""

import math
from pathlib import Path
from statistics import stdev
from typing import Any

import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hf_lmcourse.report.palette import LOOKS
from hf_lmcourse.studies.value_plots import plot_costs, plot_metric

from ..drawing import legend_labels, lengths, lines_of, values
from .records import point, study


@pytest.fixture
def panel(drawn: list[Figure], tmp_path: Path) -> Any:
    def draw(record: dict[str, Any]) -> Axes:
        plot_metric(record, "a title", "below", tmp_path / "a.png")
        return drawn[-1].axes[0]

    return draw


def scored(variant: str, accuracy: float, seed: int = 1, texts: int = 400) -> dict[str, Any]:
    metrics = {"validation": {"accuracy": accuracy, "texts": texts}}
    return point(variant, seed, metrics=metrics)


def test_accuracies_have_their_standard_error_over_the_texts(
    panel: Any, drawn: list[Figure]
) -> None:
    points = [scored("0", 0.8), scored("1", 0.5)]
    axes = panel(study({"depth": ["0", "1"]}, points=points, metric="accuracy"))
    (line,) = lines_of(axes)
    assert values(line) == [80, 50] and axes.get_ylabel() == "accuracy in percent"
    expected = [100 * math.sqrt(p * (1 - p) / 400) for p in (0.8, 0.5)]
    assert lengths(axes) == pytest.approx(expected)
    assert "± standard error over the texts" in legend_labels(drawn[-1])


@pytest.mark.parametrize("levels", [["0", "1"], ["a", "b"]])
def test_several_seeds_have_their_spread(
    levels: list[str], panel: Any, drawn: list[Figure]
) -> None:
    losses = {levels[0]: [3.0, 3.5, 3.7], levels[1]: [4.0, 4.1, 4.5]}
    points = [
        point(v, seed, metrics={"validation": {"nats_per_token": loss}})
        for v, seeds in losses.items()
        for seed, loss in enumerate(seeds)
    ]
    axes = panel(study({"x": levels}, points=points, metric="nats_per_token"))
    assert lengths(axes) == pytest.approx([stdev(seeds) for seeds in losses.values()])
    assert any("over the seeds" in label for label in legend_labels(drawn[-1]))
    seeds = [line for line in axes.lines if line.get_marker() == "."]
    assert [len(values(line)) for line in seeds] == [3, 3]


def test_without_texts_or_seeds_there_are_no_error_bars(panel: Any, drawn: list[Figure]) -> None:
    axes = panel(study({"depth": ["0", "1"]}))
    assert lengths(axes) == [] and not any("±" in label for label in legend_labels(drawn[-1]))


def test_only_the_variant_that_validation_picks_has_a_marker_for_its_test_score(
    panel: Any, drawn: list[Figure]
) -> None:
    axes = panel(study({"optim": ["sgd", "adam", "adagrad"]}, metric="nats_per_token"))
    validation, test = lines_of(axes)
    assert len(values(validation)) == 3 and values(test, "x") == [3.5]
    assert test.get_markerfacecolor() == "white"
    assert 0 < values(test)[0] < 0.5, "on the row of sgd, below its validation"
    assert legend_labels(drawn[-1]) == ["validation", "test, of the best on validation"]


def test_a_grid_is_a_line_for_each_level_of_the_first_factor_along_the_second(
    panel: Any, drawn: list[Figure]
) -> None:
    record = study({"pattern": ["full", "local"], "length": ["64", "256", "1024"]})
    for done in record["points"]:
        del done["metrics"]["test"]
    axes = panel(record)
    lines = lines_of(axes)
    assert [values(line, "x") for line in lines] == [[64, 256, 1024]] * 2
    assert [line.get_color() for line in lines] == [look.colour for look in LOOKS[:2]]
    assert axes.get_xscale() == "log" and axes.get_xlabel() == "length"
    assert legend_labels(drawn[-1]) == ["full", "local", "validation"]
    assert drawn[-1].legends[0].get_title().get_text() == "pattern"


def test_lines_of_a_grid_with_names_are_side_by_side(panel: Any) -> None:
    axes = panel(study({"optim": ["a", "b", "c"], "output": ["untied", "tied"]}))
    rows = [values(line) for line in lines_of(axes) if line.get_markerfacecolor() != "white"]
    assert len({place for row in rows for place in row}) == 6
    assert [[round(place) for place in row] for row in rows] == [[0, 1]] * 3


def test_of_a_large_grid_the_first_line_and_the_best_are_drawn(
    panel: Any, drawn: list[Figure]
) -> None:
    names = [f"p{n}" for n in range(12)]
    record = study({"pattern": names, "length": ["1", "2"]})
    record["points"].reverse()
    for number, done in enumerate(record["points"]):
        done["metrics"] = {"validation": {"perplexity": 10.0 + number}}
    panel(record)
    assert legend_labels(drawn[-1])[:-1] == ["p0", *names[-7:]]
    assert "8 of 12" in drawn[-1].get_suptitle()


def test_a_metric_without_the_spelling_of_unknown_words_has_an_asterisk(
    panel: Any, drawn: list[Figure]
) -> None:
    record = study({"optim": ["sgd", "adam"]}, metric="bits_per_character")
    for share in (0.0, 0.1):
        for done in record["points"]:
            done["metrics"] = {"validation": {"bits_per_character": 2.0, "unknown_share": share}}
        axes = panel(record)
        assert axes.get_xlabel() == "bits per character" + "*" * (share > 0)
        note = drawn[-1].legends[0].get_title().get_text()
        assert ("spelling of unknown tokens" in note) == (share > 0)


def test_costs_begin_at_zero_and_only_the_first_panel_names_the_levels(
    drawn: list[Figure], tmp_path: Path
) -> None:
    record = study({"optim": ["sgd", "adam"]})
    plot_costs(record, "a title", "below", tmp_path / "a.png")
    time, memory = drawn[-1].axes
    assert values(lines_of(time)[0], "x") == [20, 20]
    assert values(lines_of(memory)[0], "x") == [700, 700]
    for axes in (time, memory):
        assert axes.get_xlim()[0] == 0 and axes.get_xlim()[1] > max(values(axes.lines[0], "x"))
    assert [label.get_text() for label in time.get_yticklabels()] == ["sgd", "adam"]
    assert not any(label.get_text() for label in memory.get_yticklabels())


def test_memory_that_was_not_measured_has_no_panel(drawn: list[Figure], tmp_path: Path) -> None:
    record = study({"optim": ["sgd", "adam"]})
    for done in record["points"]:
        done["peak_memory_bytes"] = None
    plot_costs(record, "a title", "below", tmp_path / "a.png")
    assert [axes.get_xlabel() for axes in drawn[-1].axes] == ["milliseconds per training step"]
