"""What a student's file may have written into the folder of its results is not trusted."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from hf_lmcourse import LmcourseError
from hf_lmcourse.checking import TASKS
from hf_lmcourse.checking.results import FileRun, read_run
from hf_lmcourse.checking.sandbox.limits import Ending
from hf_lmcourse.checking.task import CASES

PERPLEXITY = TASKS["perplexity"]


def write_results(folder: Path) -> None:
    """What the process writes for a file that implements one task."""
    module = {"error": None, "names": ["perplexity"], "found": {"perplexity": "perplexity"}}
    (folder / "module.json").write_text(json.dumps(module))
    case = {"error": None, "values": 1, "gradients": None, "single": False}
    answered = {"signature": None, "cases": [case] * CASES}
    (folder / "perplexity.json").write_text(json.dumps(answered))
    one = torch.ones((), dtype=torch.float64)
    tensors = {f"{index}.value.0": one.clone() for index in range(CASES)}
    save_file(tensors, folder / "perplexity.safetensors")


def read(folder: Path, ending: Ending = Ending(0)) -> FileRun:  # noqa: B008
    return read_run(folder, Path("mine.py"), [PERPLEXITY], ending, 2)


def test_results_as_they_should_be_are_read(tmp_path: Path) -> None:
    write_results(tmp_path)
    answers = read(tmp_path).answers["perplexity"]
    assert [answer.values for answer in answers] == [[torch.ones(())]] * CASES


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:20])


def link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def enlarge(path: Path) -> None:
    os.truncate(path, 2**27)


@pytest.mark.parametrize("name", ["module.json", "perplexity.json", "perplexity.safetensors"])
@pytest.mark.parametrize("change", [truncate, link, pipe, folder, enlarge])
def test_a_changed_file_is_refused(
    tmp_path: Path, name: str, change: Callable[[Path], None]
) -> None:
    write_results(tmp_path)
    change(tmp_path / name)
    with pytest.raises(LmcourseError, match=r"mine\.py cannot be read"):
        read(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        "[]",
        "null",
        "[" * 100_000,
        '{"signature": null, "cases": []}',
        json.dumps({"signature": None, "cases": [{"values": 2, "gradients": None}] * CASES}),
        json.dumps({"signature": None, "cases": [{"values": 1, "gradients": ["W"]}] * CASES}),
        json.dumps({"signature": None, "cases": [None] * CASES}),
    ],
)
def test_answers_of_another_form_are_refused(tmp_path: Path, content: str) -> None:
    write_results(tmp_path)
    (tmp_path / "perplexity.json").write_text(content)
    with pytest.raises(LmcourseError, match=r"mine\.py cannot be read"):
        read(tmp_path)


def test_tensors_of_another_dtype_are_refused(tmp_path: Path) -> None:
    write_results(tmp_path)
    wrong = {f"{index}.value.0": torch.ones((), dtype=torch.int8) for index in range(CASES)}
    save_file(wrong, tmp_path / "perplexity.safetensors")
    with pytest.raises(LmcourseError, match=r"mine\.py cannot be read"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("ending", "expected"),
    [
        (Ending(3), "status 3"),
        (Ending(-11), "SIGSEGV"),
        (Ending(-9, "time"), "not finished after 2 seconds"),
        (Ending(-9, "64 processes and threads"), "its limit: 64 processes"),
    ],
)
def test_why_a_task_has_no_results_is_reported(
    tmp_path: Path, ending: Ending, expected: str
) -> None:
    write_results(tmp_path)
    (tmp_path / "perplexity.json").unlink()
    stopped = read(tmp_path, ending).stopped
    assert stopped is not None and expected in stopped[1]
