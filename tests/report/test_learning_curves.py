"""The learning curve is drawn from what Trainer logs."""

import math
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

from hf_lmcourse.errors import LmcourseError
from hf_lmcourse.report.learning_curves import plot_accuracy_curve, plot_learning_curve

from ..drawing import legend_labels, lengths, unreadable

HISTORY: list[dict[str, Any]] = [
    {"step": 50, "epoch": 0.5, "loss": 9.1, "learning_rate": 0.1, "grad_norm": 1.0},
    {"step": 1000, "epoch": 1.0, "loss": 5.2},
    {"step": 1000, "epoch": 1.0, "eval_nats_per_token": 5.0, "eval_perplexity": 148.4},
    {"step": 2000, "epoch": 2.0, "loss": 4.7},
    {"step": 2000, "epoch": 2.0, "eval_nats_per_token": 4.9, "eval_perplexity": 134.3},
    {"step": 2000, "epoch": 2.0, "train_runtime": 3.0, "train_loss": 5.0},
]


def test_both_curves_and_the_baselines_are_drawn(drawn: list[Figure], tmp_path: Path) -> None:
    path = tmp_path / "plots" / "learning_curve.png"
    plot_learning_curve(HISTORY, path, "LSTM on PTB", {"unigram": 6.6, "trigram": 5.02})
    assert path.read_bytes().startswith(b"\x89PNG")
    axes = drawn[0].axes[0]
    curves = {str(line.get_label()): line for line in axes.lines}
    assert np.array(curves["training"].get_ydata()).tolist() == [9.1, 5.2, 4.7]
    assert np.array(curves["validation"].get_xdata()).tolist() == [1000, 2000]
    assert [curves[f"unigram {6.6:.2f}"].get_ydata()[0], curves["trigram 5.02"].get_ydata()[0]] == [
        6.6,
        5.02,
    ]
    assert legend_labels(drawn[0]) == ["training", "validation", "unigram 6.60", "trigram 5.02"]
    assert len({line.get_linestyle() for line in axes.lines}) == 4
    title = drawn[0].get_suptitle()
    assert title.splitlines()[0] == "LSTM on PTB"
    assert "best validation 4.9000 nats (perplexity 134.29) at step 2,000" in title


def test_close_baselines_cover_nothing(drawn: list[Figure], tmp_path: Path) -> None:
    baselines = {f"{name} counts": 5.0 + 0.01 * n for n, name in enumerate(("uni", "bi", "tri"))}
    plot_learning_curve(HISTORY, tmp_path / "a.png", "LSTM on PTB", baselines)
    (figure,) = drawn
    assert unreadable(figure) == []
    assert not figure.axes[0].texts
    (legend,) = figure.legends
    assert legend.get_window_extent().y1 <= figure.axes[0].get_window_extent().y0


@pytest.mark.parametrize(("texts", "bars"), [(400, [2.0, 1.5]), (None, [])])
def test_accuracies_have_their_standard_error_over_the_texts(
    texts: int | None, bars: list[float], drawn: list[Figure], tmp_path: Path
) -> None:
    history: list[dict[str, Any]] = [{"step": 1, "epoch": 0.5, "loss": 0.6}]
    for epoch, accuracy in ((1.0, 0.8), (2.0, 0.9)):
        log = {"step": 1, "epoch": epoch, "eval_accuracy": accuracy, "eval_loss": 0.5}
        history.append(log | ({"eval_texts": texts} if texts else {}))
    plot_accuracy_curve(history, tmp_path / "a.png", "DAN on IMDB")
    (figure,) = drawn
    above, below = figure.axes
    assert np.asarray(above.lines[0].get_ydata()).tolist() == [80, 90]
    assert lengths(above) == pytest.approx(bars)
    assert ("± standard error over the texts" in legend_labels(figure)) == bool(bars)
    assert below.get_xlabel() == "epochs" and len(below.lines) == 2
    assert unreadable(figure) == []


def test_the_validation_loss_has_the_name_that_it_is_given(
    drawn: list[Figure], tmp_path: Path
) -> None:
    plot_learning_curve(HISTORY, tmp_path / "a.png", "LSTM", validation_name="validation by halves")
    axes = drawn[0].axes[0]
    assert "validation by halves" in {line.get_label() for line in axes.lines}
    assert "best validation by halves 4.9000 nats" in drawn[0].get_suptitle()


def test_the_steep_beginning_does_not_flatten_the_rest(drawn: list[Figure], tmp_path: Path) -> None:
    plot_learning_curve(HISTORY, tmp_path / "a.png", "LSTM on PTB")
    lowest, highest = drawn[0].axes[0].get_ylim()
    assert lowest < 4.7 and 5.2 < highest < 6


@pytest.mark.parametrize(
    "history",
    [HISTORY[:1], HISTORY[2:3], [{"step": 1, "loss": math.nan}, {"step": 2, "loss": 3.0}]],
    ids=["training only", "validation only", "diverged for a step"],
)
def test_short_histories_are_drawn(history: list[dict[str, Any]], tmp_path: Path) -> None:
    plot_learning_curve(history, tmp_path / "a.png", "short")
    assert (tmp_path / "a.png").exists()


def test_an_empty_history_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LmcourseError, match="nothing to draw"):
        plot_learning_curve(HISTORY[-1:], tmp_path / "a.png", "empty")


def test_drawing_leaves_the_users_settings_alone(tmp_path: Path) -> None:
    before = dict(matplotlib.rcParams)
    plot_learning_curve(HISTORY, tmp_path / "a.png", "LSTM on PTB")
    assert dict(matplotlib.rcParams) == before
