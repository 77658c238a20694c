"""A study trains each point once, keeps it, and goes on where it stopped."""

import csv
import json
import signal
from pathlib import Path
from typing import Any

import pytest
from transformers import TrainerCallback

from hf_lmcourse import LmcourseError
from hf_lmcourse.runs.settings import read_settings
from hf_lmcourse.runs.start import prepare_run
from hf_lmcourse.studies import run_study as module
from hf_lmcourse.studies.held_out import score_test_split
from hf_lmcourse.studies.plots import plot_study
from hf_lmcourse.studies.run_study import run_study
from hf_lmcourse.studies.study_file import point_settings, read_study
from hf_lmcourse.studies.table import study_rows, study_table, write_study_csv

BASE = """\
# A tiny classifier.
model:
  model_type: lmcourse_dan
  embedding_size: 4
  hidden_size: 4
data:
  corpus: toy_reviews
training:
  num_train_epochs: 1
  max_steps: 3
  eval_strategy: steps
  save_strategy: steps
  eval_steps: 3
  save_steps: 3
  per_device_train_batch_size: 5
  per_device_eval_batch_size: 500
"""
STUDY = """\
# How deep?
base: base.yaml
fixed: {hidden_dropout: 0.1}
vary:
  num_hidden_layers: [0, 2]
seeds: [1, 2]
metric: accuracy
"""


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LMCOURSE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "base.yaml").write_text(BASE)
    (tmp_path / "depth.yaml").write_text(STUDY)
    return tmp_path / "depth.yaml"


def test_a_wrong_setting_is_reported_before_anything_is_trained(path: Path, tmp_path: Path) -> None:
    path.write_text(STUDY.replace("num_hidden_layers", "num_hiden_layers"))
    with pytest.raises(LmcourseError, match="did you mean 'num_hidden_layers'"):
        run_study(read_study(str(path)), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_study_from_python_shows_no_bar_of_another_library(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path.write_text(STUDY.replace("[0, 2]", "[0]").replace("[1, 2]", "[1]"))
    run_study(read_study(str(path)), tmp_path / "out")
    assert capsys.readouterr().err == ""


@pytest.mark.slow
def test_a_study_goes_on_where_it_stopped_and_trains_nothing_twice(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[str] = []
    train = module._train

    def counting(study: Any, point: Any, *others: Any) -> dict[str, Any]:
        if len(trained) == 3:
            raise KeyboardInterrupt
        trained.append(point.name)
        return train(study, point, *others)

    monkeypatch.setattr(module, "_train", counting)
    study, lines = read_study(str(path)), []
    with pytest.raises(KeyboardInterrupt):
        run_study(study, tmp_path / "out", log=lines.append)
    trained[:] = trained[:1]  # room for the rest
    record = run_study(study, tmp_path / "out", tmp_path / "results", log=lines.append)
    assert trained == ["0-seed1", "2-seed2"], "the three that were done are not trained again"
    assert [(p["variant"], p["seed"]) for p in record["points"]] == [
        (p.variant, p.seed) for p in study.points
    ]
    assert json.loads((tmp_path / "results" / "depth.json").read_text()) == record
    assert lines[-2].startswith("[4/4] num_hidden_layers 2, seed 2: validation accuracy")

    rows = study_rows(record)
    means = {variant: value for variant, split, value, *_ in rows if split == "validation"}
    best = max(means, key=means.__getitem__)
    assert lines[-1].startswith(f"num_hidden_layers {best} is the best on validation")
    assert [(variant, split, seeds) for variant, split, *_, seeds in rows] == [
        (v, s, 2) for v in "02" for s in ("validation", "test") if s != "test" or v == best
    ]
    tested = [p for p in record["points"] if "test" in p["metrics"]]
    assert {p["variant"] for p in tested} == {best}, "the others are not scored on test at all"
    values = [p["metrics"]["test"]["accuracy"] for p in tested]
    (row,) = (row for row in rows if row[1] == "test")
    assert row[2] == pytest.approx(sum(values) / 2)
    assert row[3] == pytest.approx(abs(values[0] - values[1]) / 2**0.5)
    for point in record["points"]:
        result = json.loads((tmp_path / "out/points" / point["folder"] / "result.json").read_text())
        assert result["metrics"].keys() == {"validation"}
    assert len(study_table(record).splitlines()) == 4
    for point in record["points"]:
        assert point["steps"] == 3 and 0 < point["seconds_per_step"] < point["seconds"]
    header, *lines = study_table(record).splitlines()
    assert header.split()[-4:] == ["ms", "per", "step", "MB"]
    milliseconds = [1e3 * p["seconds_per_step"] for p in record["points"] if p["variant"] == "0"]
    assert float(lines[0].split()[-2]) == pytest.approx(sum(milliseconds) / 2, abs=0.06)
    before = {**record, "points": [dict(p) for p in record["points"]]}
    del before["points"][0]["seconds_per_step"]
    assert "MB" not in study_table(before), "a study from before these were measured"

    write_study_csv(record, tmp_path / "out" / "depth.csv")
    with (tmp_path / "out" / "depth.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 4 + 2
    assert {line["num_hidden_layers"] for line in lines} == {"0", "2"}
    assert all(float(line["seconds_per_step"]) > 0 for line in lines)
    plot_study(record, tmp_path / "out")
    assert (tmp_path / "out" / "depth.png").stat().st_size > 10_000


def test_the_test_split_is_scored_once_and_as_a_run_scores_it(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_text(STUDY.replace("[1, 2]", "[1]"))
    study = read_study(str(path))
    (tmp_path / "out").mkdir()
    scored: list[Path] = []

    def stopped(settings: Any, folder: Path) -> dict[str, float]:
        scored.append(folder)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(module, "score_test_split", stopped)
        run_study(study, tmp_path / "out", log=lambda line: None)
    record = run_study(study, tmp_path / "out", log=lambda line: None)
    (point,) = (p for p in record["points"] if "test" in p["metrics"])
    assert point["folder"] == scored[0].name

    words = [str(tmp_path / "base.yaml"), "--output_dir", str(tmp_path / "run"), "--seed", "1"]
    words += ["--hidden_dropout", "0.1", "--num_hidden_layers", point["variant"]]
    run = prepare_run(read_settings(words), ["lmcourse"])
    run.train()
    assert run.finish().metrics["test"] == point["metrics"]["test"]

    monkeypatch.setattr(module, "score_test_split", lambda *_: pytest.fail("scored again"))
    assert run_study(study, tmp_path / "out", log=lambda line: None) == record


def test_a_model_that_has_gone_before_its_test_is_reported(path: Path, tmp_path: Path) -> None:
    settings = read_settings([str(tmp_path / "base.yaml")])
    with pytest.raises(LmcourseError, match=r"points/0-seed1 has gone.*study\.json"):
        score_test_split(settings, tmp_path / "points" / "0-seed1")


class Stop(TrainerCallback):
    """Simulates a signal during a step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == self.step:
            signal.raise_signal(signal.SIGTERM)


def test_a_point_that_was_stopped_inside_goes_on_with_its_steps_and_its_times(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_text(STUDY.replace("[0, 2]", "[1]").replace("[1, 2]", "[1]"))
    (tmp_path / "base.yaml").write_text(BASE.replace("max_steps: 3", "max_steps: 6"))
    study, lines = read_study(str(path)), []
    whole = run_study(study, tmp_path / "whole", log=lines.append)

    prepare = module.prepare_run

    def stopping(settings: Any, command: list[str]) -> Any:
        run = prepare(settings, command)
        run.trainer.callback_handler.callbacks.insert(0, Stop(1))
        return run

    monkeypatch.setattr(module, "prepare_run", stopping)
    with pytest.raises(KeyboardInterrupt):
        run_study(study, tmp_path / "out", log=lines.append)
    monkeypatch.setattr(module, "prepare_run", prepare)
    record = run_study(study, tmp_path / "out", log=lines.append)
    assert lines[-3] == "[1/1] num_hidden_layers 1, seed 1 resumes ..."
    (point,), (expected,) = record["points"], whole["points"]
    assert point["metrics"] == expected["metrics"]
    assert point["steps"] == expected["steps"]
    assert point["curves"]["validation"]["loss"] == expected["curves"]["validation"]["loss"]
    assert len(list((tmp_path / "out" / "points").iterdir())) == 1
    assert "stopped" not in json.loads((tmp_path / "out" / "study.json").read_text())


def test_an_unknown_metric_is_reported(path: Path, tmp_path: Path) -> None:
    path.write_text(STUDY.replace("metric: accuracy", "metric: perplexity"))
    with pytest.raises(LmcourseError, match="no metric 'perplexity' in this study, only accuracy"):
        run_study(read_study(str(path)), tmp_path / "out", log=lambda line: None)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("seeds: [1, 2]", "seeds: 42", "seeds in .* must be a list of whole numbers, not 42"),
        ("seeds: [1, 2]", "seeds: [a]", "seeds in .* must be a list of whole numbers"),
        ("fixed: {hidden_dropout: 0.1}", "fixed: [1]", "fixed in .* must be settings by name"),
        ("base: base.yaml", "base: 3", "base in .* must be a path, not 3"),
    ],
)
def test_a_study_of_another_form_is_reported(
    path: Path, before: str, after: str, message: str
) -> None:
    path.write_text(STUDY.replace(before, after))
    with pytest.raises(LmcourseError, match=message):
        read_study(str(path))


def test_a_damaged_file_of_a_study_is_reported(path: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "study.json").write_text("{}")
    with pytest.raises(LmcourseError, match="study.json is damaged: move it away"):
        run_study(read_study(str(path)), tmp_path / "out")


def test_a_point_is_trained_again_if_the_base_has_changed(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[str] = []

    def train(study: Any, point: Any, *others: Any) -> dict[str, Any]:
        trained.append(point.name)
        about = {"variant": point.variant, "settings": point.overrides, "seed": point.seed}
        return {**about, "metrics": {"validation": {"accuracy": 0.5}}}

    monkeypatch.setattr(module, "_train", train)
    run_study(read_study(str(path)), tmp_path / "out")
    run_study(read_study(str(path)), tmp_path / "out", options=("--cache_dir", str(tmp_path)))
    assert len(trained) == 4, "another place for tokenized text changes nothing"
    (tmp_path / "base.yaml").write_text(BASE.replace("max_steps: 3", "max_steps: 4"))
    run_study(read_study(str(path)), tmp_path / "out")
    assert len(trained) == 8
    run_study(read_study(str(path)), tmp_path / "out", options=("--embedding_size", "5"))
    assert len(trained) == 12


def test_settings_that_came_later_change_nothing_until_they_are_used(tmp_path: Path) -> None:
    text = "# A run.\nmodel: {model_type: lmcourse_lstm, hidden_size: 4}\ndata: {corpus: x.txt}\n"
    (tmp_path / "base.yaml").write_text(text)

    def digest(*words: str) -> str:
        settings = read_settings([str(tmp_path / "base.yaml"), *words])
        return module._digest(settings, {})

    settings = read_settings([str(tmp_path / "base.yaml")])
    for name in module._LATER:
        delattr(settings.config, name)
    assert module._digest(settings, {}) == digest()
    others = (["--augmented_loss", "0.5"], ["--capped_input_gate", "true"], ["--optim", "muon"])
    changed = {digest(*words) for words in others}
    assert len(changed | {digest(), digest("--optim", "adamw_torch")}) == 5


def test_a_point_that_was_killed_before_its_first_checkpoint_leaves_no_folder(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_text(STUDY.replace("[0, 2]", "[1]").replace("[1, 2]", "[1]"))
    study, prepare = read_study(str(path)), module.prepare_run

    def interrupt() -> None:
        raise KeyboardInterrupt

    def killed(settings: Any, command: list[str]) -> Any:
        run = prepare(settings, command)
        monkeypatch.setattr(run, "train", interrupt)
        return run

    with monkeypatch.context() as patch:
        patch.setattr(module, "prepare_run", killed)
        with pytest.raises(KeyboardInterrupt):
            run_study(study, tmp_path / "out", log=lambda line: None)
    (stray,) = (tmp_path / "out" / "points").iterdir()
    assert not list(stray.glob("checkpoints/checkpoint-*"))
    record = run_study(study, tmp_path / "out", log=lambda line: None)
    assert [stray] == list((tmp_path / "out" / "points").iterdir())
    assert record["points"][0]["folder"] == stray.name
    assert len((stray / "command.txt").read_text().splitlines()) == 1


@pytest.mark.parametrize("name", ["..", "../elsewhere", "other", ""])
def test_an_edited_study_file_names_no_other_folder(name: str, path: Path, tmp_path: Path) -> None:
    study = read_study(str(path))
    settings = point_settings(study, study.points[0], tmp_path / "out")
    (tmp_path / "out" / "points" / "other").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    assert not module._resumes(settings, {"point": "a"}, {"point": "a", "folder": name})
    assert (tmp_path / "out" / "points" / "other").is_dir() and (tmp_path / "elsewhere").is_dir()


def test_what_is_finished_is_kept_where_a_point_before_it_is_stopped(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def train(study: Any, point: Any, *others: Any) -> dict[str, Any]:
        if point.variant == "1":
            raise KeyboardInterrupt
        about = {"variant": point.variant, "settings": point.overrides, "seed": point.seed}
        return {**about, "metrics": {"validation": {"accuracy": 0.5}}}

    monkeypatch.setattr(module, "_train", train)
    finished = run_study(read_study(str(path)), tmp_path / "out")["points"]
    path.write_text(STUDY.replace("[0, 2]", "[0, 1, 2]"))
    with pytest.raises(KeyboardInterrupt):
        run_study(read_study(str(path)), tmp_path / "out")
    assert json.loads((tmp_path / "out" / "study.json").read_text())["points"] == finished


REVIEWS = "text,label\n" + "".join(f"it was {w} {n},{w}\n" for n in range(20) for w in ("a", "b"))


def without_training(study: Any, point: Any, *others: Any) -> dict[str, Any]:
    about = {"variant": point.variant, "settings": point.overrides, "seed": point.seed}
    return {**about, "metrics": {"validation": {"accuracy": 0.5}}}


@pytest.fixture
def table(path: Path, tmp_path: Path) -> Path:
    """The corpus of the study, as a file of the user's."""
    file = tmp_path / "reviews.csv"
    file.write_text(REVIEWS)
    (tmp_path / "base.yaml").write_text(BASE.replace("toy_reviews", str(file)))
    return file


def test_a_point_is_trained_again_if_its_text_has_changed_but_not_if_it_has_moved(
    path: Path, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_train", without_training)
    lines: list[str] = []

    def trained() -> int:
        lines.clear()
        run_study(read_study(str(path)), tmp_path / "out", log=lines.append)
        return sum(line.endswith(" ...") for line in lines)

    assert (trained(), trained()) == (4, 0)
    moved = table.rename(tmp_path / "moved.csv")
    (tmp_path / "base.yaml").write_text(BASE.replace("toy_reviews", str(moved)))
    assert trained() == 0
    moved.write_text(REVIEWS.replace("it was b 7", "it is b 7"))
    assert trained() == 4


def test_a_text_that_changes_while_the_study_runs_is_reported(
    path: Path, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def train(*args: Any) -> dict[str, Any]:
        table.write_text(REVIEWS.replace("it was b 7", "it is b 7"))
        return without_training(*args)

    monkeypatch.setattr(module, "_train", train)
    with pytest.raises(LmcourseError, match="reviews.csv changed while the study ran"):
        run_study(read_study(str(path)), tmp_path / "out")
    assert len(json.loads((tmp_path / "out" / "study.json").read_text())["points"]) == 1


def test_points_of_an_earlier_version_are_kept_and_said_to_be(
    path: Path, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_train", without_training)
    study, file, lines = read_study(str(path)), tmp_path / "out" / "study.json", []
    run_study(study, tmp_path / "out")
    record = json.loads(file.read_text())
    digests = [module._digest(point_settings(study, p, tmp_path / "out"), {}) for p in study.points]
    for point, digest in zip(record["points"], digests, strict=True):
        point["digest"] = digest  # a hash of the paths
    del record["points"][0]["digest"]  # still older
    file.write_text(json.dumps(record))
    again = run_study(study, tmp_path / "out", log=lines.append)
    assert again["points"] == record["points"]
    assert sum("earlier version" in line for line in lines) == 4
