"""A finished run to report on, and the figures that a test draws."""

from typing import Any

import pytest
from matplotlib.figure import Figure

from hf_lmcourse.report.results import RunResult


@pytest.fixture
def result() -> RunResult:
    metrics = {
        "perplexity": 98.3,
        "nats_per_token": 4.588,
        "bits_per_token": 6.619,
        "tokens": 217_646,
    }
    return RunResult(
        name="lstm_wikitext2",
        model_type="lmcourse_lstm",
        corpus="wikitext-2",
        config="configs/lstm_wikitext2.yaml",
        command="lmcourse train configs/lstm_wikitext2.yaml",
        metrics={"validation": metrics, "test": {**metrics, "perplexity": 93.1, "tokens": 245_569}},
        parameters=4_652_799,
        seed=7,
        epochs=39.5,
        wall_time_seconds=7_530.0,
        device="A processor",
        threads=2,
        versions={"python": "3.11.7", "torch": "2.13.0"},
        commit="1234567",
    )


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """Every figure that is saved, and still saved."""
    figures: list[Figure] = []
    save = Figure.savefig

    def keep(figure: Figure, *arguments: Any, **options: Any) -> None:
        figures.append(figure)
        save(figure, *arguments, **options)

    monkeypatch.setattr(Figure, "savefig", keep)
    return figures
