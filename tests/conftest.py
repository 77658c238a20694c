"""What all tests share: the folder of real corpora, and the skip where there is none."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Tests run in several processes, and two that both use every core slow each other down. This is
# read when torch is imported, and inherited by the processes that tests start.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from hypothesis import settings
from matplotlib.figure import Figure

from hf_lmcourse.report.results import RunResult

# What an example takes depends on what else the machine does. The examples are the same each time;
# `--hypothesis-profile search` draws others.
settings.register_profile("search", settings.default, deadline=None)
settings.register_profile("tests", settings.get_profile("search"), derandomize=True)
settings.load_profile("tests")

_NO_DATA = "LMCOURSE_DATA names no folder of corpora"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not os.environ.get("LMCOURSE_DATA"):
        for item in items:
            if item.get_closest_marker("real_data"):
                item.add_marker(pytest.mark.skip(reason=_NO_DATA))


@pytest.fixture(scope="module", autouse=True)
def no_garbage_of_others() -> None:
    """Trainer collects garbage at every start and evaluation, and looks at all that there is.

    What is imported, compiled or cached by now stays to the end: it is looked at once, here.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real corpora, from the environment."""
    folder = os.environ.get("LMCOURSE_DATA")
    if not folder:
        pytest.skip(_NO_DATA)
    return Path(folder)


@pytest.fixture(scope="module")
def forked_checks() -> Iterator[None]:
    """Students' files run without the sandbox, in forks that need not import torch."""
    from hf_lmcourse.checking import runner  # slow to import

    from .forked_checks import run_forked

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "run_limited", run_forked)
        yield


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
