"""`lmcourse assignment`: the list, a kit, and sentences for what is wrong."""

from pathlib import Path

import pytest

from hf_lmcourse.assignments.shipped import NAMES
from hf_lmcourse.cli import assignment as command
from hf_lmcourse.cli.main import VERBS

from .commands import lmcourse


def test_the_list_has_every_assignment_and_its_tasks() -> None:
    outcome = lmcourse("assignment", "list")
    assert outcome.status == 0
    assert all(f"{name}: " in outcome.out for name in NAMES)
    assert "lstm_step" in outcome.out and "points" in outcome.out
    assert "assignment" in VERBS


def test_a_kit_is_made_and_its_parts_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    monkeypatch.setattr(command, "make_kit", lambda *given: made.append(given))
    outcome = lmcourse("assignment", "make", "attention", tmp_path / "kit")
    assert outcome.status == 0
    ((assignment, out),) = made
    assert (assignment.folder.name, out) == ("attention", tmp_path / "kit")
    assert all(f"{tmp_path}/kit/{part}" in outcome.out for part in ("starter", "points.yaml"))


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("make",), "SPEC OUT"),
        (("make", "attention"), "SPEC OUT"),
        (("make", "bigrm_network", "out"), "did you mean bigram_network"),
        (("list", "attention"), "nothing more"),
        (("make", "nowhere.yaml", "out"), "nowhere.yaml"),
    ],
)
def test_what_is_wrong_is_named(words: tuple[str, ...], complaint: str) -> None:
    assert complaint in lmcourse("assignment", *words).complaint
