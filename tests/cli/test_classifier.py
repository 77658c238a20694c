"""`lmcourse train` with a classifier: run folder, metrics, resuming, bad input."""

import json
import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

from .commands import FinishedRun, Outcome, lmcourse, result_of

YAML = """\
# A tiny classifier.
model:
  model_type: lmcourse_dan
  embedding_size: 8
  hidden_size: 8
  num_hidden_layers: 1
  sparse_gradients: true
data:
  corpus: {corpus}
training:
  num_train_epochs: 3
  per_device_train_batch_size: 5
  per_device_eval_batch_size: 4
  optim: adagrad
  learning_rate: 0.1
  logging_steps: 4
  max_grad_norm: 1.0
  lr_scheduler_type: constant
"""


def test_a_language_model_is_not_taken_for_a_classifier(finished: FinishedRun) -> None:
    outcome = lmcourse("errors", finished.folder, "--data", "toy_reviews")
    assert "is a model of lmcourse_lstm, and a classifier is needed" in outcome.complaint


def write_reviews(folder: Path) -> Path:
    rows = [f"{thing} was {quality},{quality == 'good'}" for thing in "abcdefghij"
            for quality in ("good", "bad")]  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    for split, part in (("train", rows), ("test", rows[:6])):
        (folder / f"{split}.csv").write_text("text,label\n" + "\n".join(part) + "\n")
    return folder


@pytest.fixture(scope="module")
def yaml(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("classifier")
    path = folder / "tiny_dan.yaml"
    path.write_text(YAML.format(corpus=write_reviews(folder / "reviews")))
    return path


@pytest.fixture(scope="module")
def trained(yaml: Path) -> tuple[Path, Outcome]:
    folder = yaml.parent / "run"
    outcome = lmcourse("train", yaml, "--output_dir", folder, "--results_dir", yaml.parent / "res")
    return folder, outcome


def test_the_terminal_shows_what_was_trained_and_how_well(trained: tuple[Path, Outcome]) -> None:
    folder, outcome = trained
    assert outcome.status == 0, outcome.err
    assert "DANForSequenceClassification with" in outcome.out
    assert "18 training texts, local; False, True" in outcome.out
    assert "always the most frequent class" in outcome.out
    assert "validation  " in outcome.out and "accuracy" in outcome.out
    assert f"Everything is in {folder}" in outcome.out


def test_the_run_folder_is_a_model_repository(trained: tuple[Path, Outcome]) -> None:
    folder, _ = trained
    names = {path.name for path in folder.iterdir()}
    assert {"README.md", "config.json", "model.safetensors", "tokenizer.json", "plots"} <= names
    assert not list(folder.glob("*.bin"))
    card = (folder / "README.md").read_text()
    assert "text-classification" in card and "z_0 = 1/|X|" in card
    result = result_of(folder)
    assert result["metrics"]["test"]["texts"] == 6
    results = folder.parent / "res"
    assert json.loads((results / "tiny_dan.json").read_text()) == result
    assert (results / "plots" / "tiny_dan_learning_curve.png").is_file()


def test_the_metrics_are_those_of_the_saved_model(trained: tuple[Path, Outcome]) -> None:
    folder, _ = trained
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    lines = (folder.parent / "reviews" / "test.csv").read_text().splitlines()[1:]
    right = 0
    for line in lines:
        text, label = line.split(",")
        logits = model(**tokenizer(text, return_tensors="pt")).logits
        right += model.config.id2label[int(logits.argmax())] == label
    assert result_of(folder)["metrics"]["test"]["accuracy"] == pytest.approx(right / len(lines))
    classify = pipeline("text-classification", model=str(folder))
    assert classify("a was good")[0]["label"] in ("False", "True")


def test_evaluate_gives_the_metrics_of_the_run(trained: tuple[Path, Outcome]) -> None:
    folder, _ = trained
    data, json_file = folder.parent / "reviews", folder.parent / "metrics.json"
    outcome = lmcourse("evaluate", folder, "--data", data, "--json", json_file)
    assert outcome.status == 0, outcome.err
    assert "reviews, test" in outcome.out
    assert json.loads(json_file.read_text()) == pytest.approx(result_of(folder)["metrics"]["test"])


def test_classifiers_are_averaged(yaml: Path, trained: tuple[Path, Outcome]) -> None:
    folder, _ = trained
    other, data = yaml.parent / "other", yaml.parent / "reviews"
    assert lmcourse("train", yaml, "--output_dir", other, "--seed", "1").status == 0
    words = ("evaluate", folder, other, "--average", "--data", data, "--results_dir", other)
    outcome = lmcourse(*words)
    assert outcome.status == 0, outcome.err
    assert "average of probabilities" in outcome.out
    assert (other / f"average_{folder.name}_other.json").is_file()


@pytest.mark.parametrize("option", [("--stride", "2"), ("--rank", "9"), ("--tune_temperature",)])
def test_what_is_for_language_models_alone_is_refused(
    option: tuple[str, ...], trained: tuple[Path, Outcome]
) -> None:
    folder, _ = trained
    outcome = lmcourse("evaluate", folder, "--data", "toy_reviews", *option)
    assert "is a classifier" in outcome.complaint


def test_classes_are_not_balanced_in_a_loss_that_does_not_weigh_them(
    yaml: Path, tmp_path: Path
) -> None:
    words = ("--balance_classes", "true", "--label_smoothing_factor", "0.1")
    outcome = lmcourse("train", yaml, "--output_dir", tmp_path / "run", *words)
    assert "balance_classes goes without label_smoothing_factor" in outcome.complaint
    assert not (tmp_path / "run").exists()


def test_an_interrupted_run_continues_to_the_same_weights(
    yaml: Path, trained: tuple[Path, Outcome], tmp_path: Path
) -> None:
    limits = ["--save_total_limit", "9"]
    whole = lmcourse("train", yaml, "--output_dir", tmp_path / "whole", *limits)
    assert whole.status == 0, whole.err
    checkpoint = tmp_path / "whole" / "checkpoints" / "checkpoint-4"
    resumed = lmcourse(
        "train", yaml, "--output_dir", tmp_path / "rest", "--resume_from_checkpoint", checkpoint
    )
    assert resumed.status == 0, resumed.err
    last = "checkpoints/checkpoint-12/model.safetensors"
    first, second = (load_file(tmp_path / name / last) for name in ("whole", "rest"))
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--corpus", "imbd"], "did you mean 'imdb'"),
        (["--text_column", "review"], "no column 'review', only text, label"),
        (["--hidden_act", "step"], "none of transformers' activations"),
        (["--freeze_vectors", "true"], "freeze_vectors needs a file of word vectors"),
        (["--vectors", "nothing.txt"], "there is no file nothing.txt"),
        (["--word_dropuot", "0.5"], "did you mean 'word_dropout'"),
        (["--block_length", "5"], "unknown option --block_length"),
        (["--weight_averaging", "ema"], "weight_averaging and rank_contexts are for language"),
        (["--rank_contexts", "9"], "weight_averaging and rank_contexts are for language"),
        (["--tokenizer", "nothing"], 'is neither "word_punctuation" nor "word" nor a folder'),
    ],
)
def test_bad_input_is_reported_in_one_sentence(
    words: list[str], message: str, yaml: Path, tmp_path: Path
) -> None:
    complaint = lmcourse("train", yaml, "--output_dir", tmp_path / "run", *words).complaint
    assert message in complaint
    assert not (tmp_path / "run").exists()


def test_one_class_is_refused_before_the_training(yaml: Path, tmp_path: Path) -> None:
    table = tmp_path / "one.csv"
    table.write_text("text,label\n" + "good,pos\nbad, pos\n" * 9)
    words = ["--corpus", table, "--output_dir", tmp_path / "run"]
    assert "have the label 'pos'" in lmcourse("train", yaml, *words).complaint
    assert not (tmp_path / "run").exists()


def test_a_classifier_that_diverges_stops_without_a_result(yaml: Path, tmp_path: Path) -> None:
    words = "--learning_rate 1e30 --optim sgd --max_grad_norm 0 --sparse_gradients false".split()
    outcome = lmcourse("train", yaml, "--output_dir", tmp_path / "run", *words)
    assert re.search(r"the loss became \w+ at step \d+ .*lower learning_rate", outcome.complaint)
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert not names & {"result.json", "README.md", "model.safetensors"}


def test_vectors_of_another_size_are_reported_and_frozen_ones_stay(
    yaml: Path, tmp_path: Path
) -> None:
    (tmp_path / "vectors.txt").write_text("good 1 2\n")
    words = ["--vectors", tmp_path / "vectors.txt", "--output_dir", tmp_path / "run"]
    assert "have size 2 and embedding_size is 8" in lmcourse("train", yaml, *words).complaint
    frozen = ["--embedding_size", "2", "--freeze_vectors", "true"]
    outcome = lmcourse("train", yaml, *words, *frozen)
    # one of 15 entries
    assert "word vectors: 6.7% of the vocabulary" in outcome.out, outcome.err
    saved = load_file(tmp_path / "run" / "model.safetensors")
    good = AutoTokenizer.from_pretrained(tmp_path / "run").convert_tokens_to_ids("good")
    assert saved["model.has_vector"].nonzero().flatten().tolist() == [good]
    assert saved["model.embed_tokens.weight"][good].tolist() == [1.0, 2.0]


def test_errors_classify_a_table_whole_and_a_folder_by_its_test_split(
    trained: tuple[Path, Outcome], yaml: Path, tmp_path: Path
) -> None:
    reviews = yaml.parent / "reviews"
    one_row = tmp_path / "one.csv"
    one_row.write_text("text,label\na was good,True\n")
    for data, words, expected in (
        (reviews / "train.csv", (), "on train, whole table: "),
        (reviews / "train.csv", ("--split", "validation"), "on train, validation: "),
        (reviews, (), "on reviews, test: "),
        (one_row, (), "on one, whole table: "),
    ):
        outcome = lmcourse(
            "errors", trained[0], "--data", data, "--output_dir", tmp_path / "errors", *words
        )
        assert outcome.status == 0, outcome.err
        assert expected in outcome.out
        texts = {"whole": 20, "validation": 2, "test": 6}[expected.split()[2].strip(":")]
        assert f" of {1 if data == one_row else texts} wrong" in outcome.out
