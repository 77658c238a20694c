"""Both ways to score a text give the same result."""

import math

import pytest

from benchmarks import evaluation, memory
from benchmarks.tokens import zipf_tokens

TINY = evaluation.EvaluationSetting(vocabulary=50, width=8, rows=3, length=6, texts=(40, 80))


@pytest.mark.parametrize("family", ["LSTM", "Transformer"])
@pytest.mark.parametrize("length", [37, 80])
def test_trainer_finds_our_nats(family: evaluation.Family, length: int) -> None:
    tokens = zipf_tokens(length + 1, TINY.vocabulary)
    ours = evaluation.our_evaluation(TINY, family, tokens)()
    theirs = evaluation.trainer_evaluation(TINY, family, tokens)()
    assert ours == pytest.approx(theirs, rel=1e-5)
    assert ours == pytest.approx(length * math.log(TINY.vocabulary), rel=0.2)  # every token, once


def test_every_row_has_both_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "peak_bytes", lambda way, steps: 7)
    rows = list(evaluation.evaluation(1, TINY))
    assert [(row.name.split(",")[0], row.size) for row in rows] == [
        ("LSTM", 40), ("LSTM", 80), ("Transformer", 40), ("Transformer", 80)
    ]  # fmt: skip
    assert all(list(row.medians) == list(row.peak_bytes) for row in rows)
    assert all(row.amount == row.size for row in rows)
