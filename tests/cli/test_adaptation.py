"""`lmcourse evaluate` with adaptation at test time: columns of its own."""

import json
import re
from pathlib import Path

import pytest

from hf_lmcourse.report.results import load_results
from hf_lmcourse.studies.table import study_rows

from .commands import FinishedRun, lmcourse


def test_each_way_to_adapt_has_a_column_and_reports_its_settings(
    finished: FinishedRun, tmp_path: Path
) -> None:
    written = tmp_path / "metrics.json"
    words = ("evaluate", finished.folder, "--data", finished.corpus, "--json", written)
    words = (*words, "--results_dir", tmp_path / "results")
    cache = ("--continuous_cache", "--cache_window", "50", "--cache_theta", "0.5")
    dynamic = ("--dynamic_evaluation", "sgd", "--dynamic_rate", "0.05", "--segment", "8")
    outcome = lmcourse(*words, *cache, "--cache_lambda", "0.1", *dynamic, "--rank", "20")
    assert outcome.status == 0, outcome.err
    assert re.search(r"no adaptation +continuous cache +dynamic evaluation", outcome.out)
    metrics = json.loads(written.read_text())
    line = next(x for x in outcome.out.splitlines() if x.startswith("  perplexity"))
    perplexities = [
        metrics["perplexity"],
        metrics["continuous_cache"]["perplexity"],
        metrics["dynamic_evaluation"]["perplexity"],
    ]
    assert line.split()[1:] == [f"{value:.4f}" for value in perplexities]
    assert len(set(perplexities)) == 3
    counts = {metrics[key]["tokens"] for key in ("continuous_cache", "dynamic_evaluation")}
    assert counts == {metrics["tokens"]}
    assert "window 50, theta 0.5, half-life none, lambda 0.1, given" in outcome.out
    assert "sgd, rate 0.05, decay 0, given; segments of 8" in outcome.out
    study = json.loads(
        (tmp_path / "results" / f"adaptation_{finished.folder.name}.json").read_text()
    )
    assert [value for _, _, value, *_ in study_rows(study)] == perplexities
    assert all(point["seconds"] > 0 for point in study["points"])
    assert study["points"][1]["settings"] == {
        "window": 50,
        "theta": 0.5,
        "half_life": None,
        "weight": 0.1,
    }
    assert load_results(tmp_path / "results") == [], "a study is no row of the results"
    assert metrics["log_probability_rank"] <= 10, "the width of the model is 8"
    assert "at most 10 for a softmax" in outcome.out


def test_settings_are_tuned_on_the_validation_text(finished: FinishedRun, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    text = finished.corpus.read_text()
    for split in ("train", "validation", "test"):
        (corpus / f"{split}.txt").write_text(text[-400:])
    words = ("evaluate", finished.folder, "--data", corpus, "--continuous_cache")
    words = (*words, "--tune_temperature")
    outcome = lmcourse(*words, "--dynamic_evaluation", "rms", "--segment", "20")
    assert outcome.status == 0, outcome.err
    assert outcome.out.count("tuned on validation") == 3
    assert re.search(r"tuned temperature +continuous cache", outcome.out)
    outcome = lmcourse(*words, "--split", "validation")
    assert "tuned on the scored text" in outcome.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--cache_window", "5"], "go together, and with --continuous_cache"),
        (["--continuous_cache", "--cache_half_life", "5"], "goes with --cache_window"),
        (["--continuous_cache", "--cache_theta", "1"], "go together"),
        (
            ["--continuous_cache", "--cache_window", "0", "--cache_theta", "1"]
            + ["--cache_lambda", "0.1"],
            "--cache_window must be at least 1",
        ),
        (["--dynamic_rate", "0.1"], "--dynamic_rate goes with --dynamic_evaluation"),
        (["--dynamic_evaluation", "rms", "--dynamic_decay", "0.1"], "goes with --dynamic_rate"),
        (["--results_dir", "results"], "--results_dir saves what adaptation gains"),
        (["--segment", "0"], "--segment must be at least 1"),
        (["--rank", "-1"], "--rank at least 0"),
    ],
)
def test_wrong_options_are_reported(words: list[str], message: str, finished: FinishedRun) -> None:
    data = ("--data", finished.corpus)
    assert message in lmcourse("evaluate", finished.folder, *data, *words).complaint
