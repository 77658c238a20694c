"""`report_to`: what the host's trackers get of a run, without a network."""

import sqlite3
from pathlib import Path

import pytest

import hf_lmcourse

TINY = {"hidden_size": 8, "max_steps": 6, "use_cpu": True, "sample_length": 0, "logging_steps": 2}


@pytest.fixture
def text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LMCOURSE_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "text.txt"
    path.write_text("".join(f"line {n} of a text\n" for n in range(80)), encoding="utf-8")
    return path


def test_tensorboard_gets_the_loss_of_a_run(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    monkeypatch.setenv("TENSORBOARD_LOGGING_DIR", str(tmp_path / "events"))
    options = {"corpus": str(text), "output_dir": str(tmp_path / "run"), "report_to": "tensorboard"}
    hf_lmcourse.train("quickstart", **TINY, **options)
    events = EventAccumulator(str(tmp_path / "events")).Reload()
    losses = events.Scalars("train/loss")
    assert [event.step for event in losses] == [2, 4, 6]
    assert all(0 < event.value < 10 for event in losses)


def test_trackio_gets_the_loss_of_a_run_in_a_local_file(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))
    pytest.importorskip("trackio")
    options = {"corpus": str(text), "output_dir": str(tmp_path / "run"), "report_to": "trackio"}
    hf_lmcourse.train("quickstart", **TINY, **options)
    (database,) = (tmp_path / "trackio").glob("*.db")
    with sqlite3.connect(database) as opened:
        rows = opened.execute("SELECT step, metrics FROM metrics").fetchall()
    assert {2, 4, 6} <= {step for step, _ in rows}
    assert any("loss" in str(metrics) for _, metrics in rows)
