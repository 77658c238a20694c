"""`lmcourse check`: the list, templates, a right and a wrong file, bad words."""

from pathlib import Path

import pytest

from hf_lmcourse.checking import TASKS, Verdict, template
from hf_lmcourse.cli import check

from .commands import lmcourse

PERPLEXITY = """\
import numpy as np


def perplexity(logits, targets):
    real = targets != -100
    shifted = logits - logits.max(-1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    chosen = np.take_along_axis(log_p[real], targets[real][:, None], axis=1)
    return 2 ** -chosen.mean()
"""


def test_the_list_names_every_task_with_its_arguments() -> None:
    outcome = lmcourse("check", "--list")
    assert outcome.status == 0
    for task in TASKS.values():
        assert f"{task.name}({', '.join(task.arguments)})" in outcome.out
        assert template(task.name).partition("\n")[0].strip('"') in outcome.out


def test_a_template_is_printed_or_written_but_never_over_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    assert lmcourse("check", "--template", "gru_step").out == template("gru_step")
    assert f"wrote {path}" in lmcourse("check", "--template", "gru_step", path).out
    assert path.read_text(encoding="utf-8") == template("gru_step")
    again = lmcourse("check", "--template", "lstm_step", path)
    assert f"cannot write {path}: File exists" in again.complaint
    assert path.read_text(encoding="utf-8") == template("gru_step")


def test_a_mistake_is_reported_by_name(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(PERPLEXITY)
    outcome = lmcourse("check", path, "--task", "perplexity", "--seed", 7)
    assert (outcome.status, outcome.err) == (1, "")
    assert "perplexity: DIFFERS" in outcome.out and outcome.out.endswith("0 of 1 agree\n")
    assert "most likely: bases are mixed: 2 to the power of the cross-entropy in" in outcome.out


@pytest.mark.parametrize(
    ("agree", "status"),
    [([True], 0), ([True, True], 0), ([True, False], 1), ([None, False, True], 2), ([None], 2)],
)
def test_the_status_distinguishes_right_from_wrong_and_from_what_was_not_compared(
    agree: list[bool | None], status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdicts = [Verdict("gru_step", agrees) for agrees in agree]
    monkeypatch.setattr(check, "check_file", lambda *_, **__: verdicts)
    outcome = lmcourse("check", "mine.py")
    assert outcome.status == status
    assert outcome.out.endswith(f"{agree.count(True)} of {len(agree)} agree\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "name a Python file"),
        (("nothing.py",), "cannot read nothing.py: No such file or directory"),
        (("mine.ipynb",), "mine.ipynb is not a Python file: its name must end in .py"),
        (("nothing.py", "--task", "lstm"), "there is no task 'lstm': did you mean lstm_step?"),
        (("--template", "gru_stp"), "there is no task 'gru_stp': did you mean gru_step?"),
        (("nothing.py", "--time_limit", "0"), "--time_limit must be above 0"),
    ],
)
def test_bad_words_are_reported_in_one_line(words: tuple[str, ...], message: str) -> None:
    assert message in lmcourse("check", *words).complaint
