"""The learning curve is drawn from what Trainer logs."""

import math
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

from hf_lmcourse.errors import LmcourseError
from hf_lmcourse.report.learning_curves import plot_learning_curve

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
    assert [text.get_text() for text in axes.texts] == ["unigram 6.60", "trigram 5.02"]
    assert "best validation 4.9000 nats (perplexity 134.29) at step 2,000" in axes.get_title()


def test_the_validation_loss_has_the_name_that_it_is_given(
    drawn: list[Figure], tmp_path: Path
) -> None:
    plot_learning_curve(HISTORY, tmp_path / "a.png", "LSTM", validation_name="validation by halves")
    axes = drawn[0].axes[0]
    assert "validation by halves" in {line.get_label() for line in axes.lines}
    assert "best validation by halves 4.9000 nats" in axes.get_title()


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
