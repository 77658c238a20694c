"""A file runs in its own process, and every error in it is reported in a sentence."""

import os
from pathlib import Path

import pytest

from hf_lmcourse import LmcourseError
from hf_lmcourse.checking import TASKS, Verdict, check_file, checker, template
from hf_lmcourse.checking.results import FileRun

from .solutions import AS_CLASSES, IMPORTS, SOLUTIONS, WITH_NUMPY

FAULTY = """\
import sys
import torch

assert "transformers" not in sys.modules and "hf_lmcourse" not in sys.modules
print("hello")


def softmax_gradient(z, W, y):
    return None


def one_hidden_layer(x, y, W1, b1, W2, b2):
    def inner(a):
        raise ValueError("this\\n   is bad")

    return inner(x)


def gru_step(x, h, W, U, b):
    return h


def perplexity(logits, targets):
    sys.exit("enough")


def dan_forward(ids, mask, E, W1, b1, W2, b2):
    return 1.0, 2.0
"""

ENDLESS = """\
import time
import torch

def lstm_step(x, h, c, W, U, b):
    return h, c

def gru_step(x, h, W, U, b, b_h):
    while True:
        time.sleep(0.01)

def perplexity(logits, targets):
    return 1.0
"""

HOSTILE = """\
import faulthandler
import signal
import time
import torch

def lstm_step(x, h, c, W, U, b):
    return torch.zeros(3 * 2**27), c

def gru_step(x, h, W, U, b, b_h):
    faulthandler.cancel_dump_traceback_later()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    end = time.monotonic() + 20
    while time.monotonic() < end:
        pass
"""


def written(path: Path, source: str) -> Path:
    path.write_text(source, encoding="utf-8")
    return path


def by_task(verdicts: list[Verdict]) -> dict[str, Verdict]:
    return {verdict.task: verdict for verdict in verdicts}


def test_every_template_filled_in_agrees(tmp_path: Path) -> None:
    parts = [IMPORTS]
    for name, solution in SOLUTIONS.items():
        body = solution.partition(":\n")[2]
        filled = template(name).replace("    raise NotImplementedError\n", body)
        assert filled != template(name)
        parts.append(filled)
    verdicts = check_file(written(tmp_path / "all tasks é.py", "\n\n".join(parts)))
    assert [verdict.task for verdict in verdicts] == list(TASKS)
    for verdict in verdicts:
        assert (verdict.agrees, verdict.message, verdict.cases) == (True, "", 12)
    assert not list(tmp_path.glob("__pycache__"))


def test_what_is_imported_from_torch_is_not_the_student_s(tmp_path: Path) -> None:
    source = (
        "from torch.nn import LayerNorm\nfrom torch.nn.functional import layer_norm\n"
        + IMPORTS
        + SOLUTIONS["elman_step"]
    )
    verdicts = check_file(written(tmp_path / "mine.py", source))
    assert [(verdict.task, verdict.agrees) for verdict in verdicts] == [("elman_step", True)]


def test_numpy_gets_arrays_and_its_values_are_compared(tmp_path: Path) -> None:
    found = by_task(check_file(written(tmp_path / "mine.py", WITH_NUMPY), seed=5))
    assert set(found) == {"softmax_gradient", "lstm_step", "perplexity", "dan_forward"}
    assert all(verdict.agrees for verdict in found.values())
    assert "only values were compared" in found["lstm_step"].message
    assert found["perplexity"].message == ""  # nothing of it is differentiated anyhow


def test_every_error_is_reported_in_a_sentence_and_affects_no_other_task(tmp_path: Path) -> None:
    found = by_task(check_file(written(tmp_path / "mine.py", FAULTY + AS_CLASSES)))
    for name in ("lstm_step", "multi_head_attention"):
        assert found[name].agrees, found[name]
        gradients = {d.quantity for d in found[name].differences}
        assert {f"dJ/d{argument}" for argument in TASKS[name].parameters} <= gradients
    reported = {name: (verdict.agrees, verdict.message) for name, verdict in found.items()}
    with_first = "in every case, first with"
    status, message = reported["softmax_gradient"]
    assert status is False and message.startswith(
        "softmax_gradient returned NoneType, but must return d_theta, d_W, d_z: "
        f"is a return missing? ({with_first} rows 3"
    )
    status, message = reported["one_hidden_layer"]
    assert status is False and message.startswith(
        f"line 14 of mine.py (in inner) raised ValueError: this is bad ({with_first}"
    )
    assert reported["gru_step"] == (
        None,
        "gru_step(x, h, W, U, b) must take (x, h, W, U, b, b_h)",
    )
    status, message = reported["perplexity"]
    assert status is False and "line 24 of mine.py (in perplexity) raised SystemExit" in message
    status, message = reported["dan_forward"]
    assert status is False and "returned 2 values, but must return 1: logits" in message


def test_a_file_that_does_not_finish_is_ended_and_the_line_reported(tmp_path: Path) -> None:
    verdicts = check_file(written(tmp_path / "mine.py", ENDLESS), time_limit=2)
    found = by_task(verdicts)
    assert found["lstm_step"].agrees is False and found["lstm_step"].differences
    assert found["gru_step"].agrees is False
    assert found["gru_step"].message in (
        "not finished after 2 seconds: it was at line 8 of mine.py (in gru_step)",
        "not finished after 2 seconds: it was at line 9 of mine.py (in gru_step)",
    )
    assert found["perplexity"].agrees is None
    assert found["perplexity"].message == "not run, because gru_step did not come to an end"


def test_memory_is_limited_and_a_file_that_cancels_its_watchdog_is_stopped(tmp_path: Path) -> None:
    found = by_task(check_file(written(tmp_path / "mine.py", HOSTILE), time_limit=1))
    assert found["lstm_step"].agrees is False
    assert "line 7 of mine.py (in lstm_step) raised RuntimeError" in found["lstm_step"].message
    assert found["gru_step"].message == "not finished after 1 seconds"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import torch\n\n1 / 0\n", "line 3 of mine.py raised ZeroDivisionError: division by zero"),
        ("import os\nos._exit(3)\n", "its process ended early, with status 3"),
    ],
)
def test_a_file_that_cannot_be_imported_is_refused(
    tmp_path: Path, source: str, expected: str
) -> None:
    with pytest.raises(LmcourseError, match="mine.py") as caught:
        check_file(written(tmp_path / "mine.py", source), "lstm_step")
    assert expected in str(caught.value)


def test_a_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "mine.py")
    with pytest.raises(LmcourseError, match="it is not a file"):
        check_file(tmp_path / "mine.py")


@pytest.mark.parametrize(
    ("task", "names", "expected"),
    [
        ("lstm_step", ["lstm_stp"], "has no lstm_step: is lstm_stp meant to be that?"),
        ("lstm_step", ["f"], "has no function lstm_step; see lmcourse check --template lstm_step"),
        (None, ["PerplexityOf"], "has no perplexity: is PerplexityOf meant to be that?"),
        (None, [], "has a function for none of the 26 tasks; see lmcourse check --list"),
    ],
)
def test_a_function_that_is_missing_is_reported_with_the_nearest(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    task: str | None,
    names: list[str],
    expected: str,
) -> None:
    monkeypatch.setattr(checker, "run_file", lambda *_, **__: FileRun(names, found={}))
    with pytest.raises(LmcourseError) as caught:
        check_file(written(tmp_path / "mine.py", ""), task)
    assert f"mine.py {expected}" in str(caught.value)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (b"def f(:\n    pass\n", "line 1 of {path} has a syntax error: invalid syntax"),
        (b"\nx = 'a\xff'\n", "{path} has a syntax error: "),
        ("x = 1\n".encode("utf-16"), "{path} "),
        (b"(" * 100_000, "{path} "),
        (b"x = 1\n" * 1_000_000, "{path} has more than 1,048,576 bytes"),
    ],
)
def test_invalid_source_is_reported_before_anything_runs(
    tmp_path: Path, source: bytes, expected: str
) -> None:
    path = tmp_path / "mine.py"
    path.write_bytes(source)
    with pytest.raises(LmcourseError) as caught:
        check_file(path)
    assert expected.format(path=path) in str(caught.value)
    assert "\n" not in str(caught.value)
