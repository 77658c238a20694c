"""`lmcourse recipes`."""

from pathlib import Path

import pytest

from .commands import lmcourse

CONFIGS = Path(__file__).parents[2] / "configs"


def test_each_recipe_and_study_has_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = lmcourse("recipes")
    assert outcome.status == 0, outcome.err
    names = [line.split()[0] for line in outcome.out.splitlines() if line.startswith("  ")]
    expected = [path.stem for path in CONFIGS.rglob("*.yaml")]
    assert sorted(names) == sorted(["recipe", *expected])


def test_a_line_has_model_corpus_minutes_and_result() -> None:
    lines = lmcourse("recipes").out.splitlines()
    line = next(line for line in lines if line.startswith("  lstm_ptb "))
    assert line.split() == ["lstm_ptb", "LSTM", "ptb", "69.4", "perplexity", "95.47", "(test)"]
    line = next(line for line in lines if line.startswith("  quickstart "))
    assert line.split() == ["quickstart", "LSTM", "cpython-docs", "-", "-"]


def test_a_recipe_is_printed_as_its_file() -> None:
    outcome = lmcourse("recipes", "gru_ptb")
    assert outcome.out == (CONFIGS / "gru_ptb.yaml").read_text(encoding="utf-8")


def test_an_unknown_recipe_is_refused_with_the_nearest_one() -> None:
    assert "gru_ptb" in lmcourse("recipes", "gru_pbt").complaint
