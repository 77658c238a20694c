"""`lmcourse theory`: the list, an item, a failure, plots."""

from pathlib import Path

import pytest
import torch

from hf_lmcourse.theory import plots, softmax
from hf_lmcourse.theory.check_result import CheckResult, same
from hf_lmcourse.theory.items import ITEMS, latex, statement

from .commands import lmcourse


def test_without_an_item_all_are_listed_with_their_first_lines() -> None:
    outcome = lmcourse("theory")
    assert outcome.status == 0
    for item in ITEMS:
        assert any(
            item in line and statement(item).splitlines()[0] in line
            for line in outcome.out.splitlines()
        )


def test_an_item_shows_its_statement_its_numbers_and_its_verdict() -> None:
    outcome = lmcourse("theory", "attention")
    assert (outcome.status, outcome.err) == (0, "")
    assert statement("attention") in outcome.out
    assert "|c - v_j|" in outcome.out
    assert "all 20 checks passed" in outcome.out
    rows = [line for line in outcome.out.splitlines() if line.endswith("  ok")]
    assert len(rows) == 20 and len(set(map(len, rows))) == 1  # aligned


def test_latex_is_the_derivation_alone() -> None:
    outcome = lmcourse("theory", "softmax", "--latex")
    assert (outcome.status, outcome.err) == (0, "")
    assert outcome.out.startswith(f"% {statement('softmax').splitlines()[0]}\n")
    assert outcome.out.endswith(latex("softmax")) and "checks passed" not in outcome.out


def test_a_wrong_formula_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(softmax, "logit_gradient", lambda theta, y: softmax.softmax(theta) + y)
    outcome = lmcourse("theory", "softmax")
    assert outcome.status == 1
    assert "11 of 16 checks FAILED" in outcome.out
    assert any(line.endswith("FAILED") and "theta" in line for line in outcome.out.splitlines())


def test_all_runs_every_item(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def check(item: str) -> CheckResult:
        seen.append(item)
        return CheckResult([same("one", 1.0, torch.tensor(2.0 if item == ITEMS[1] else 1.0))])

    monkeypatch.setattr("hf_lmcourse.cli.theory.run_check", check)
    outcome = lmcourse("theory", "all")
    assert (outcome.status, tuple(seen)) == (1, ITEMS)
    assert outcome.out.count("all 1 checks passed") == len(ITEMS) - 1


def test_a_plot_is_written_where_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plots, "_DRAWS", 100)
    outcome = lmcourse("theory", "noisy_keys", "--plot", tmp_path / "new")
    plot = tmp_path / "new" / "noisy_keys.png"
    assert outcome.status == 0
    assert f"wrote {plot}" in outcome.out
    assert plot.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("softmx",), "did you mean softmax?"),
        (("--plot", "here"), "--plot needs an item"),
        (("softmax", "--plot", "here"), "softmax has no plot"),
        (("--latex",), "--latex needs an item"),
        (("noisy_keys", "--latex", "--plot", "here"), "leave out --plot"),
    ],
)
def test_bad_words_are_reported_in_one_line(words: tuple[str, ...], message: str) -> None:
    outcome = lmcourse("theory", *words)
    assert message in outcome.complaint
    assert outcome.out == ""


def test_a_folder_that_cannot_be_made_is_reported_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plots, "_DRAWS", 100)
    (tmp_path / "file").touch()
    outcome = lmcourse("theory", "noisy_keys", "--plot", tmp_path / "file")
    assert f"cannot write {tmp_path / 'file' / 'noisy_keys.png'}" in outcome.complaint
