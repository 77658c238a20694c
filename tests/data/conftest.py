"""No test of this folder asks a Hub: what comes from there is put in its place."""

import pytest

import hf_lmcourse.hub.fetch


@pytest.fixture(autouse=True)
def hub_that_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hf_lmcourse.hub.fetch, "ask", lambda question: {})
