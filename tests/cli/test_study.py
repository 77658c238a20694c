"""`lmcourse study`: a language model and a grid, resumed, drawn from old files, and bad input."""

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest

from hf_lmcourse.studies import run_study as module

from .commands import lmcourse, write_corpus, write_yaml

STUDY = """\
# Which optimizer, tied or not?
base: tiny.yaml
fixed: {num_sampled: 10, hidden_size: 4}
vary:
  optimizer:
    SGD: {optim: sgd, learning_rate: 1}
    Adagrad: {optim: adagrad, learning_rate: 1e-1}
  output_layer: [full, tied]
metric: perplexity
"""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    corpus = write_corpus(folder / "small.txt", lines=20)
    changes = [("logging_steps: 5", "logging_steps: 2"), ("sample_length: 10", "sample_length: 0")]
    write_yaml(folder / "tiny.yaml", corpus, changes)
    (folder / "optimizers.yaml").write_text(STUDY)
    return folder / "optimizers.yaml"


@pytest.fixture(scope="module")
def record(path: Path, cache: None) -> dict[str, Any]:
    """The file of the study, run once."""
    outcome = lmcourse("study", path, "--output_dir", path.parent / "out")
    assert outcome.status == 0, outcome.err
    assert "[4/4] optimizer, output_layer Adagrad, tied, seed 42: validation perplexity" in (
        outcome.out
    )
    return json.loads((path.parent / "out" / "study.json").read_text())


@pytest.fixture
def untrained(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail if anything is trained."""
    monkeypatch.setattr(module, "_train", lambda *_: pytest.fail("trained again"))


def test_a_point_has_the_losses_of_its_training_and_validation(record: dict[str, Any]) -> None:
    assert record["factors"] == {"optimizer": ["SGD", "Adagrad"], "output_layer": ["full", "tied"]}
    assert [p["variant"] for p in record["points"]] == [
        "SGD, full", "SGD, tied", "Adagrad, full", "Adagrad, tied",
    ]  # fmt: skip
    for point in record["points"]:
        training, validation = point["curves"]["training"], point["curves"]["validation"]
        assert validation["epoch"] == [1.0, 2.0]
        assert len(training["loss"]) == len(training["epoch"]) == point["steps"] // 2 > 2
        for curve in (training, validation):
            assert curve["seconds"] == sorted(curve["seconds"])
            assert 0 < curve["seconds"][-1] < point["seconds"]
        assert min(validation["perplexity"]) == pytest.approx(
            point["metrics"]["validation"]["perplexity"], rel=0.05
        ), "in two streams there, in one here"
        assert point["num_sampled"] == 10


def test_it_leaves_a_table_a_csv_file_and_a_plot(path: Path, record: dict[str, Any]) -> None:
    with (path.parent / "out" / "optimizers.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert {(line["optimizer"], line["output_layer"]) for line in lines} == {
        (optimizer, output) for optimizer in ("SGD", "Adagrad") for output in ("full", "tied")
    }
    assert (path.parent / "out" / "optimizers.png").stat().st_size > 10_000


def test_each_list_of_numbers_is_one_line_of_the_file(path: Path, record: dict[str, Any]) -> None:
    text = (path.parent / "out" / "study.json").read_text()
    assert '"epoch": [ 1.0, 2.0 ]' in text


def test_a_file_from_before_there_were_curves_is_drawn_without_training(
    path: Path, record: dict[str, Any], untrained: None, tmp_path: Path
) -> None:
    old = json.loads(json.dumps(record))
    del old["factors"], old["curves_by"]
    old["factor"] = "variant"
    for point in old["points"]:
        validation = point.pop("curves")["validation"]
        pairs = zip(validation["epoch"], validation["perplexity"], strict=True)
        point["history"] = [list(pair) for pair in pairs]
        del point["num_sampled"]
    (tmp_path / "study.json").write_text(json.dumps(old))
    outcome = lmcourse("study", path, "--output_dir", tmp_path)
    assert outcome.status == 0, outcome.err
    assert (tmp_path / "optimizers.png").stat().st_size > 10_000


def test_training_runs_of_equal_seconds(path: Path, tmp_path: Path) -> None:
    text = STUDY.replace("hidden_size: 4", "hidden_size: 4, max_training_seconds: 0.05")
    (path.parent / "seconds.yaml").write_text(text.replace("[full, tied]", "[tied]"))
    words = ("--num_train_epochs", "1000", "--output_dir", tmp_path)
    outcome = lmcourse("study", path.parent / "seconds.yaml", *words)
    assert outcome.status == 0, outcome.err
    record = json.loads((tmp_path / "study.json").read_text())
    assert record["curves_by"] == "seconds"
    for point in record["points"]:
        assert point["curves"]["validation"]["seconds"][-1] >= 0.05
        assert point["curves"]["validation"]["epoch"][-1] < 1000


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (STUDY.replace("[full, tied]", "tied"), "output_layer in .* must be a list of values"),
        (
            STUDY.replace("adagrad", "adagard"),
            "optim: invalid choice: 'adagard': did you mean 'adagrad'",
        ),
        (STUDY.replace("optim:", "optimm:"), "unknown option --optimm: did you mean 'optim'"),
        (STUDY.replace("base: tiny", "base: tinny"), "cannot read .*tinny.yaml"),
    ],
)
def test_bad_input_is_one_line_and_trains_nothing(
    text: str, message: str, path: Path, untrained: None, tmp_path: Path
) -> None:
    wrong = path.parent / "wrong.yaml"
    wrong.write_text(text)
    outcome = lmcourse("study", wrong, "--output_dir", tmp_path / "out")
    assert re.search(message, outcome.complaint)
    assert not (tmp_path / "out").exists()
