"""Points for what is right, of files whose answers are made here."""

from pathlib import Path

import pytest

from hf_lmcourse.grading import scores
from hf_lmcourse.grading.scheme import Scheme
from hf_lmcourse.grading.scores import Score, score
from hf_lmcourse.grading.submissions import Submission

from . import fake_runs

ALL = {"values": 4.0, "gradients": 2.0, "shapes": 1.0}
GRU = Scheme({"gru_step": ALL})
TWO = Scheme({"elman_step": ALL, "gru_step": ALL, "perplexity": {"values": 3.0}})


@pytest.fixture(autouse=True)
def nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scores, "run_file", fake_runs.run_file)


def scored(folder: Path, scheme: Scheme, **files: str) -> Score:
    """The score of files; a line `# TASK what` defines a task with something wrong."""
    for name, text in files.items():
        tasks = [line.split()[1] for line in text.splitlines() if line.startswith("# ")]
        defined = [f"{task} = 1" for task in tasks if task != "import"]
        (folder / f"{name}.py").write_text("\n".join([text, *defined]))
    return score(Submission("anna", folder), scheme, 1)


@pytest.mark.parametrize(
    ("wrong", "parts"),
    [
        ("nothing", {"values", "gradients", "shapes"}),
        ("values", {"gradients", "shapes"}),
        ("gradients", {"values", "shapes"}),
        ("numpy", {"values", "shapes"}),
        ("infinite", {"gradients", "shapes"}),
        ("shapes", {"gradients"}),
        ("raises", set()),
        ("refused", set()),
        ("hangs", set()),
    ],
)
def test_each_part_earns_its_points(tmp_path: Path, wrong: str, parts: set[str]) -> None:
    found = scored(tmp_path, GRU, mine=f"# gru_step {wrong}")
    points = found.tasks["gru_step"].points
    assert points == {part: most if part in parts else 0 for part, most in ALL.items()}
    assert found.total == sum(points.values())
    assert bool(found.tasks["gru_step"].message) == (wrong != "nothing")
    found.tasks["gru_step"].message.encode("utf-8")


def test_a_task_that_does_not_end_costs_its_own_points_alone(tmp_path: Path) -> None:
    found = scored(tmp_path, TWO, mine="# elman_step hangs\n# gru_step hangs\n# perplexity nothing")
    assert [sum(task.points.values()) for task in found.tasks.values()] == [0, 0, 3]
    assert "not finished" in found.tasks["gru_step"].message


def test_tasks_may_be_in_several_files_and_the_better_of_two_counts(tmp_path: Path) -> None:
    found = scored(
        tmp_path,
        TWO,
        a="# elman_step nothing\n# gru_step raises",
        b="# gru_step values",
        helper="# import fails",
    )
    assert [sum(task.points.values()) for task in found.tasks.values()] == [7, 3, 0]
    assert found.message == ""
    assert "no function perplexity" in found.tasks["perplexity"].message


def test_a_file_that_cannot_be_run_is_reported_without_our_folders(tmp_path: Path) -> None:
    found = scored(tmp_path, GRU, mine="# import fails")
    assert found.message == "mine.py cannot be imported: fails"
    assert found.total == 0


@pytest.mark.parametrize("content", [b"def f(:", b"\x00\xff", b"x = '\xff'", b"(" * 100_000])
def test_what_is_not_python_has_no_points(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "mine.py").write_bytes(content)
    found = score(Submission("anna", tmp_path), GRU, 1)
    assert found.total == 0 and found.message.startswith(("mine.py", "line 1 of mine.py"))


def test_a_folder_without_a_program_has_no_points(tmp_path: Path) -> None:
    assert "no Python file" in scored(tmp_path, GRU).message


def test_not_every_copy_of_a_file_is_run(tmp_path: Path) -> None:
    found = scored(
        tmp_path, GRU, **{f"copy{number:02}": "# gru_step values" for number in range(32)}
    )
    assert found.message == "of 32 files with functions 30 were run" and found.total == 3


def test_a_file_may_call_a_task_as_its_adapters_say(tmp_path: Path) -> None:
    (tmp_path / "adapters.py").write_text("ADAPTERS = {'gru_step': {'function': 'my_gru'}}")
    (tmp_path / "helper.py").write_text("x = 1")
    assert scored(tmp_path, GRU, mine="my_gru = 1").message == ""
    (tmp_path / "adapters.py").write_text("ADAPTERS = {'gru_step': {'functoin': 'my_gru'}}")
    assert "functoin" in scored(tmp_path, GRU, mine="my_gru = 1").message


def test_results_that_are_right_for_another_student_are_wrong(tmp_path: Path) -> None:
    gru = GRU.tasks[0]
    anna, bert = (gru.cases(GRU.seed(name)) for name in ("anna", "bert"))
    inputs = [(a.tensors["x"], b.tensors["x"]) for a, b in zip(anna, bert, strict=True)]
    assert not any(a.shape == b.shape and bool((a == b).all()) for a, b in inputs)
