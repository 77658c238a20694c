"""The functions at the top level give what the command line prints and writes."""

import io
import json
import os
import signal
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest

import hf_lmcourse
from hf_lmcourse import LmcourseError
from hf_lmcourse.data.corpus import Corpus
from hf_lmcourse.runs.train import TrainingStopped
from hf_lmcourse.runs.training_run import RunSummary
from hf_lmcourse.training.callbacks import WallTime

from .cli.commands import (
    FinishedRun,
    lmcourse,
    result_of,
    train_tiny,
    write_corpus,
    write_yaml,
)


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep tokenized text among the temporary files."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LMCOURSE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, cache: None) -> FinishedRun:
    """A run of `lmcourse train`; not to be changed."""
    return train_tiny(tmp_path_factory.mktemp("finished"))


@pytest.fixture(scope="module")
def trained(finished: FinishedRun) -> tuple[RunSummary, str]:
    """The tiny run of the command line's tests, trained from Python; and its output."""
    folder = finished.folder.with_name("from python")
    out = io.StringIO()
    with redirect_stdout(out):
        run = hf_lmcourse.train(finished.yaml, output_dir=folder, hidden_size=8, seed=42)
    return run, out.getvalue()


def test_training_from_python_is_training_from_the_command_line(
    trained: tuple[RunSummary, str],
    finished: FinishedRun,
) -> None:
    run, out = trained
    assert run.metrics == run.result.metrics == result_of(finished.folder)["metrics"]
    assert str(run) in finished.outcome.out
    weights = [f / "model.safetensors" for f in (run.folder, finished.folder)]
    assert weights[0].read_bytes() == weights[1].read_bytes()
    assert {path.name for path in run.folder.iterdir()} == {
        path.name for path in finished.folder.iterdir()
    }
    for line in ("LSTMForCausalLM with", "run folder: ", "  validation in 2 streams  "):
        assert line in out


def test_the_command_of_a_run_from_python_repeats_it(
    trained: tuple[RunSummary, str],
    finished: FinishedRun,
) -> None:
    run, _ = trained
    assert (run.folder / "command.txt").read_text() == (
        f"lmcourse train {finished.yaml} --output_dir '{run.folder}' --hidden_size 8 --seed 42\n"
    )


def test_a_run_shows_its_table_in_a_notebook_and_loads_its_model(
    trained: tuple[RunSummary, str],
    finished: FinishedRun,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run: Any = trained[0]
    assert run._repr_html_() == f"<pre>{run.table()}</pre>" and repr(run) == run.table()
    capsys.readouterr()
    assert run.model.num_parameters() == run.result.parameters and not run.model.training
    assert capsys.readouterr().err == ""  # no bar for the loading of weights
    again = hf_lmcourse.evaluate(run.model, finished.corpus, "validation", tokenizer=run.tokenizer)
    assert again == pytest.approx(run.metrics["validation"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hiden_size": 5}, "unknown option --hiden_size: did you mean 'hidden_size'"),
        ({"hidden_size": "wide"}, "'wide'"),
        ({"model_type": "lmcourse_lstn"}, "unknown model_type 'lmcourse_lstn'"),
    ],
)
def test_settings_that_do_not_exist_are_refused_and_nothing_is_written(
    changes: dict[str, Any],
    message: str,
    finished: FinishedRun,
    tmp_path: Path,
) -> None:
    with pytest.raises(LmcourseError, match=message):
        hf_lmcourse.train(finished.yaml, output_dir=tmp_path / "run", **changes)
    assert not (tmp_path / "run").exists()


def test_several_processes_are_sent_to_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(LmcourseError, match="accelerate launch scripts/train.py"):
        hf_lmcourse.train("tiny.yaml")


def test_an_interrupted_run_says_so_and_goes_on_to_the_same_end(
    finished: FinishedRun,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def stop(callback: WallTime, args: Any, state: Any, *_: Any, **__: Any) -> None:
        if state.global_step == 20:
            os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(WallTime, "on_step_begin", stop)
        with pytest.raises(TrainingStopped, match=f"a checkpoint is saved in {tmp_path / 'run'}"):
            hf_lmcourse.train(finished.yaml, output_dir=tmp_path / "run")
    run = hf_lmcourse.train(
        finished.yaml, output_dir=tmp_path / "run", resume_from_checkpoint="last"
    )
    assert run.metrics == result_of(finished.folder)["metrics"]


def test_a_list_a_mapping_and_no_value_are_settings_like_any_other(tmp_path: Path) -> None:
    passage = tmp_path / "passage.txt"
    corpus = write_corpus(tmp_path / "small.txt")
    passage.write_text("line 5 says so so what\n")
    yaml = write_yaml(tmp_path / "tiny.yaml", corpus)
    run = hf_lmcourse.train(
        yaml,
        output_dir=tmp_path / "run",
        hold_out=(str(passage),),
        max_steps=2,
        save_strategy="no",
        optim_args=None,
    )
    command = (run.folder / "command.txt").read_text()
    assert f"--hold_out {passage} --max_steps 2 --save_strategy no --optim_args None" in command
    assert json.loads((run.folder / "training_text.json").read_text())["hold_out"]


def test_a_classifier_is_trained_like_a_language_model(tmp_path: Path) -> None:
    yaml = tmp_path / "dan.yaml"
    yaml.write_text("model: {model_type: lmcourse_dan}\ndata: {corpus: toy_reviews}\n")
    run: Any = hf_lmcourse.train(yaml, output_dir=tmp_path / "run", num_train_epochs=1)
    assert "always the most frequent class" in str(run) and str(run) in run._repr_html_()
    assert isinstance(run.model, hf_lmcourse.DANForSequenceClassification)
    assert run.metrics["validation"].keys() >= {"accuracy", "cross_entropy"}
    with pytest.raises(LmcourseError, match="lmcourse_dan, and a language model is needed"):
        hf_lmcourse.evaluate(run.folder, "cpython-docs")


def test_evaluation_from_python_is_that_of_the_command(
    finished: FinishedRun,
    tmp_path: Path,
) -> None:
    words = ("evaluate", finished.folder, "--data", finished.corpus)
    for split in (None, "validation"):
        options = () if split is None else ("--split", split)
        printed = lmcourse(*words, *options, "--json", tmp_path / "metrics.json").out
        found = hf_lmcourse.evaluate(finished.folder, finished.corpus, split)
        assert f"{found}\n" == printed
        assert found == json.loads((tmp_path / "metrics.json").read_text())
        assert json.loads(json.dumps(found))["perplexity"] == found["perplexity"]


def test_evaluation_takes_a_loaded_corpus_and_is_a_table_in_a_notebook(
    finished: FinishedRun,
) -> None:
    corpus: Corpus = hf_lmcourse.load_corpus(str(finished.corpus))
    found = hf_lmcourse.evaluate(finished.folder, corpus)
    assert found.title == f"{finished.folder} on small, validation"
    rows = found._repr_markdown_().splitlines()
    assert rows[0] == f"| metric | {found.title} |"
    assert f"| perplexity | {found['perplexity']:.4f} |" in rows


def test_a_loaded_model_needs_its_tokenizer(trained: tuple[RunSummary, str]) -> None:
    with pytest.raises(LmcourseError, match="give the tokenizer of .*tokenizer=..."):
        hf_lmcourse.evaluate(trained[0].model, "cpython-docs")


def test_perplexities_from_python_are_those_of_the_command(
    finished: FinishedRun,
    tmp_path: Path,
) -> None:
    text = tmp_path / "known.txt"
    text.write_text("line 5 says so so what\nline 6 says what\n")
    words = ("perplexity", finished.folder, "--text", text, "--preprocess", "course")
    words = (*words, "--base", "2", "--output_dir", tmp_path / "command")
    printed = lmcourse(*words).out
    found = hf_lmcourse.perplexity(finished.folder, text, preprocess="course", base="2")
    assert printed.startswith(f"{found}\n")
    assert found.save(tmp_path / "python") == [
        "perplexity.md", "perplexity.csv", "perplexity.json", "perplexity.png",
    ]  # fmt: skip
    of_command, of_python = (
        json.loads((tmp_path / name / "perplexity.json").read_text())
        for name in ("command", "python")
    )
    assert of_python["rows"] == of_command["rows"] == found.rows
    assert of_python["command"] == (
        of_command["command"].replace("--output_dir path/to/command", "--temperature 1.0")
    )
    assert of_python.keys() == of_command.keys()
    tables = [(tmp_path / name / "perplexity.csv").read_text() for name in ("command", "python")]
    assert tables[0] == tables[1]
    assert [score.text.preprocessing for score in found.scores] == ["raw", "course"]
    assert found._repr_markdown_() in (tmp_path / "python" / "perplexity.md").read_text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"base": "3"}, "base '3' is not one of 2, e, 10"),
        ({"temperature": -1}, "temperature must be above 0"),
        ({"hold_out": ["x"]}, "hold_out says what was taken out of training_text"),
    ],
)
def test_wrong_options_of_perplexity_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(LmcourseError, match=message):
        hf_lmcourse.perplexity("runs/none", "none.txt", **options)


def test_every_public_name_is_there_and_listed() -> None:
    listed = dir(hf_lmcourse)
    for name in hf_lmcourse.__all__:
        assert getattr(hf_lmcourse, name) is not None and name in listed
    for name in ("train", "evaluate", "perplexity", "load_corpus"):
        function = getattr(hf_lmcourse, name)
        assert callable(function) and function.__doc__
