"""Result files survive, broken ones are refused in one sentence."""

import json
import re
import subprocess
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from hf_lmcourse.errors import LmcourseError
from hf_lmcourse.report.results import (
    RunResult,
    commit_of,
    device_name,
    environment_versions,
    git_commit,
    load_results,
)


def test_a_saved_result_loads_equal(result: RunResult, tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "lstm.json"
    result.save(path)
    assert RunResult.load(path) == result
    result.save(path)
    assert [file.name for file in path.parent.iterdir()] == ["lstm.json"]


def test_a_diverged_run_without_a_commit_survives_too(result: RunResult, tmp_path: Path) -> None:
    diverged = replace(result, metrics={"test": {"perplexity": float("inf")}}, commit=None)
    diverged.save(tmp_path / "result.json")
    assert RunResult.load(tmp_path / "result.json") == diverged


def test_the_file_is_sorted_indented_and_ends_with_a_line_end(
    result: RunResult, tmp_path: Path
) -> None:
    result.save(tmp_path / "result.json")
    text = (tmp_path / "result.json").read_text(encoding="utf-8")
    assert text == json.dumps(asdict(result), indent=2, sort_keys=True) + "\n"
    assert set(json.loads(text)) == {
        *("name", "model_type", "corpus", "config", "command", "metrics", "parameters", "seed"),
        *("epochs", "wall_time_seconds", "device", "threads", "versions", "commit"),
        *("backend", "precision"),
    }


def test_a_file_of_before_backend_and_precision_were_recorded_is_read(
    result: RunResult, tmp_path: Path
) -> None:
    record = asdict(result)
    del record["backend"], record["precision"]
    path = tmp_path / "result.json"
    path.write_text(json.dumps(record), encoding="utf-8")
    assert RunResult.load(path) == replace(result, backend="", precision="")


def test_an_interrupted_save_leaves_the_old_file(
    result: RunResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "result.json"
    result.save(path)
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        replace(result, seed=8).save(path)
    assert RunResult.load(path).seed == 7


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda record: record.pop("seed"), r"missing \['seed'\]"),
        (lambda record: record.update(sead=1), r"unknown \['sead'\]"),
        (lambda record: record.update(seed="seven"), "wrong kind of value for seed"),
        (lambda record: record.update(metrics={"test": 4.5}), "wrong kind of value for metrics"),
    ],
)
def test_a_file_that_is_no_result_is_refused(
    result: RunResult, tmp_path: Path, change: object, message: str
) -> None:
    record = asdict(result)
    change(record)  # type: ignore[operator]
    path = tmp_path / "result.json"
    path.write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(LmcourseError, match=message):
        RunResult.load(path)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '"name"', "\x00"])
def test_a_broken_file_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(LmcourseError, match="result.json"):
        RunResult.load(path)
    with pytest.raises(LmcourseError, match="cannot be read"):
        RunResult.load(tmp_path / "missing.json")


def test_studies_are_left_out_of_a_folder_of_results(result: RunResult, tmp_path: Path) -> None:
    replace(result, name="b").save(tmp_path / "b.json")
    replace(result, name="a").save(tmp_path / "a.json")
    (tmp_path / "study.json").write_text('{"name": "study", "points": []}', encoding="utf-8")
    assert [found.name for found in load_results(tmp_path)] == ["a", "b"]


def test_versions_name_the_libraries_that_matter() -> None:
    versions = environment_versions()
    assert {"python", "torch", "transformers", "datasets", "evaluate"} <= versions.keys()
    assert all(re.match(r"\d+\.\d+", version) for version in versions.values())


def test_the_commit_is_that_of_the_checkout_and_says_when_files_differ(tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        identity = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
        command = ["git", "-C", str(tmp_path), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    tracked, untracked = tmp_path / "tracked.py", tmp_path / "untracked.py"
    tracked.write_text("1\n")
    assert commit_of(tracked) is None
    git("init")
    git("add", "tracked.py")
    git("commit", "-m", "one")
    untracked.write_text("2\n")
    commit = git("rev-parse", "--short", "HEAD")
    assert commit_of(tracked) == commit
    assert commit_of(untracked) is None
    tracked.write_text("3\n")
    assert commit_of(tracked) == f"{commit}-dirty"


def test_no_git_means_no_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert commit_of(__file__) is None


def test_a_process_stays_at_the_commit_it_began_with(monkeypatch: pytest.MonkeyPatch) -> None:
    commit = git_commit()
    monkeypatch.setattr("hf_lmcourse.report.results.commit_of", lambda file: "of later")
    assert git_commit() == commit


def test_the_device_has_a_name() -> None:
    assert device_name("cpu")
    assert device_name("meta") == f"{device_name()} (meta)"
