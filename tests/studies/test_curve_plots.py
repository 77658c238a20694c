"""The plots by epoch or time: accuracy and losses."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from hf_lmcourse.studies.curve_plots import plot_losses, plot_metric_curve

from ..drawing import legend_labels, lengths, lines_of, values
from .records import classifier, point, study


def losses(drawn: list[Figure], record: dict[str, Any], folder: Path) -> Figure:
    plot_losses(record, "a title", "below", folder / "a.png")
    return drawn[-1]


def test_losses_of_training_and_validation_are_next_to_each_other(
    drawn: list[Figure], tmp_path: Path
) -> None:
    figure = losses(drawn, study({"optim": ["sgd", "adam"]}), tmp_path)
    training, validation = figure.axes[:2]
    assert [values(line) for line in lines_of(training)] == [[9, 3.5, 3], [9, 3.6, 3.1]]
    assert [values(line) for line in lines_of(validation)] == [[5, 4, 3.5], [5.1, 4.1, 3.6]]
    assert training.get_ylim() == validation.get_ylim()
    assert training.get_title().startswith("training: in training mode")
    assert validation.get_title() == "validation"
    assert legend_labels(figure) == ["sgd", "adam"]
    assert figure.legends[0].get_title().get_text() == "optimizer"
    (right,) = validation.child_axes
    assert right.get_ylabel() == "perplexity"
    low, high = validation.get_ylim()
    assert all(low <= math.log(tick) <= high for tick in right.get_yticks())


def test_the_beginning_of_the_training_does_not_flatten_the_rest(
    drawn: list[Figure], tmp_path: Path
) -> None:
    low, high = losses(drawn, study({"optim": ["sgd", "adam"]}), tmp_path).axes[0].get_ylim()
    assert low < 3 and 5.1 < high < 6


@pytest.mark.parametrize(("sampled", "named"), [([None, 50], True), ([None, None], False)])
def test_the_panel_says_what_the_training_loss_is(
    sampled: list[int | None], named: bool, drawn: list[Figure], tmp_path: Path
) -> None:
    record = study({"optim": ["sgd", "adam"]})
    for one, number in zip(record["points"], sampled, strict=True):
        one["num_sampled"] = number
    title = losses(drawn, record, tmp_path).axes[0].get_title()
    assert "in training mode" in title and ("over sampled words" in title) == named


def test_a_single_variant_has_both_losses_in_one_panel(drawn: list[Figure], tmp_path: Path) -> None:
    figure = losses(drawn, study({"variant": ["a"]}), tmp_path)
    (axes,) = figure.axes
    assert [values(line) for line in lines_of(axes)] == [[9, 3.5, 3], [5, 4, 3.5]]
    assert [label.partition(":")[0] for label in legend_labels(figure)] == [
        "training",
        "validation",
    ]


def test_losses_of_other_tokens_are_said_not_to_compare(
    drawn: list[Figure], tmp_path: Path
) -> None:
    record = study({"unit": ["characters", "words"]})
    for tokens in ([900, 900], [900, 200]):
        for done, number in zip(record["points"], tokens, strict=True):
            done["metrics"] = {"validation": {"perplexity": 9.0, "tokens": number}}
        title = losses(drawn, record, tmp_path).get_suptitle()
        assert ("do not compare" in title) == (tokens[1] == 200)


def test_curves_of_several_seeds_are_means_with_their_spread(
    drawn: list[Figure], tmp_path: Path
) -> None:
    points = [point("a", 1), point("a", 2, shift=1.0)]
    figure = losses(drawn, study({"variant": ["a"]}, points=points), tmp_path)
    (axes,) = figure.axes
    assert values(lines_of(axes)[1]) == [5.5, 4.5, 4.0]
    band = np.asarray(axes.collections[1].get_paths()[0].vertices)
    assert band[:, 1].max() == pytest.approx(5.5 + 0.5**0.5)
    assert any("over the seeds" in label for label in legend_labels(figure))


def test_many_logs_of_a_training_are_put_together(drawn: list[Figure], tmp_path: Path) -> None:
    record = study({"variant": ["a"]})
    record["points"][0]["curves"]["training"] = {
        "epoch": [n / 100 for n in range(400)],
        "seconds": [float(n) for n in range(400)],
        "loss": [5.0, 3.0] * 200,
    }
    shown = values(lines_of(losses(drawn, record, tmp_path).axes[0])[0])
    assert len(shown) <= 60 and shown[0] == pytest.approx(np.mean([5.0, 3.0] * 3 + [5.0]), abs=1e-3)


def test_trainings_of_a_limited_time_are_drawn_by_minutes(
    drawn: list[Figure], tmp_path: Path
) -> None:
    (axes,) = losses(drawn, study({"variant": ["a"]}, curves_by="seconds"), tmp_path).axes
    assert axes.get_xlabel() == "minutes of training steps"
    assert values(axes.lines[0], "x") == [1, 2, 3]


def test_accuracy_by_epoch_has_the_standard_error_of_one_variant_at_each_point(
    drawn: list[Figure], tmp_path: Path
) -> None:
    one = classifier("a", 0.9)
    one["metrics"]["validation"]["texts"] = 400
    record = study({"variant": ["a"]}, points=[one], metric="accuracy")
    plot_metric_curve(record, "a title", "below", tmp_path / "a.png")
    axes = drawn[-1].axes[0]
    assert axes.get_xlabel() == "epochs"
    assert values(lines_of(axes)[0]) == [80, 90]
    expected = [100 * math.sqrt(p * (1 - p) / 400) for p in (0.8, 0.9)]
    assert lengths(axes) == pytest.approx(expected)


def test_accuracies_of_several_variants_share_one_standard_error(
    drawn: list[Figure], tmp_path: Path
) -> None:
    points = [classifier(name, 0.9) for name in "ab"]
    for one in points:
        one["metrics"]["validation"]["texts"] = 400
    record = study({"variant": ["a", "b"]}, points=points, metric="accuracy")
    plot_metric_curve(record, "a title", "below", tmp_path / "a.png")
    axes = drawn[-1].axes[0]
    assert lengths(axes) == pytest.approx([100 * math.sqrt(0.9 * 0.1 / 400)])
    bar = axes.collections[-1].get_paths()[0].vertices
    assert np.asarray(bar)[:, 0].min() > 2, "right of the curves"
