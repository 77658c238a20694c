"""Shared by the tests of benchmarks: nothing is timed for longer than one step."""

import gc

import pytest

from benchmarks import timing


@pytest.fixture(autouse=True)
def short_repeats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "LEAST_SECONDS", 0.0)
    monkeypatch.setattr(gc, "unfreeze", lambda: None)  # so that no collection sees the libraries
    monkeypatch.delenv("LMCOURSE_DATA", raising=False)
