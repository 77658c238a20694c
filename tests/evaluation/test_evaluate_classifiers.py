"""Classifiers scored on labelled texts: each by itself, and the mean of their probabilities."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from hf_lmcourse import DANConfig, DANForSequenceClassification, LmcourseError, WordTokenizer
from hf_lmcourse.evaluation.averaged_models import AVERAGE
from hf_lmcourse.evaluation.evaluate_classifiers import evaluate_classifiers
from hf_lmcourse.report.json_files import read_json

ROWS = [("a good one", "yes"), ("bad", "no"), ("not so bad a film", "yes"), ("one film", "no")]
CLASSES = ("no", "yes")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LMCOURSE_CACHE", str(tmp_path / "cache"))


def saved(folder: Path, words: str, classes: tuple[str, ...] = CLASSES) -> str:
    """A classifier with random weights and a tokenizer of its own."""
    tokenizer = WordTokenizer.train(words)
    torch.manual_seed(len(words))
    names = dict(enumerate(classes))
    config = DANConfig(
        vocab_size=len(tokenizer),
        embedding_size=4,
        hidden_size=3,
        id2label=names,
        label2id={name: index for index, name in names.items()},
        initializer_range=1.0,
        pad_token_id=tokenizer.pad_token_id,
    )
    DANForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "films.csv"
    path.write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in ROWS))
    return path


def probabilities(name: str) -> torch.Tensor:
    """p(class | text), a text at a time."""
    model: Any = DANForSequenceClassification.from_pretrained(name).eval()
    tokenizer = WordTokenizer.from_pretrained(name)
    with torch.no_grad():
        rows = [model(**tokenizer(text, return_tensors="pt")).logits[0] for text, _ in ROWS]
    return torch.stack(rows).double().softmax(-1)


def metrics_by_hand(p: torch.Tensor) -> dict[str, float]:
    right = [CLASSES.index(label) for _, label in ROWS]
    nats = -sum(math.log(p[i, c]) for i, c in enumerate(right)) / len(right)
    hits = sum(int(p[i].argmax()) == c for i, c in enumerate(right))
    return {"accuracy": hits / len(right), "texts": len(right), "cross_entropy": nats}


def test_each_is_scored_by_itself_and_so_is_the_mean_of_their_probabilities(
    tmp_path: Path, table: Path
) -> None:
    names = [saved(tmp_path / "x", "a good film\n"), saved(tmp_path / "y", "not so bad one\n")]
    study = evaluate_classifiers(names, table)
    assert list(study.columns) == [*names, AVERAGE]
    every = [probabilities(name) for name in names]
    for metrics, p in zip(study.columns.values(), [*every, sum(every) / 2], strict=True):
        assert metrics == pytest.approx(metrics_by_hand(p), rel=1e-6)


def test_one_alone_has_no_average(tmp_path: Path, table: Path) -> None:
    name = saved(tmp_path / "x", "a good film\n")
    assert list(evaluate_classifiers([name], table).columns) == [name]


def test_the_saved_study_compares_accuracies(tmp_path: Path, table: Path) -> None:
    names = [saved(tmp_path / "x", "a good film\n"), saved(tmp_path / "y", "not so bad one\n")]
    evaluate_classifiers(names, table).save(["lmcourse", "evaluate"], tmp_path)
    file = read_json(tmp_path / "average_x_y.json")
    assert file["metric"] == "accuracy"
    accuracies = [point["metrics"]["whole table"]["accuracy"] for point in file["points"]]
    every = [probabilities(name) for name in names]
    assert accuracies == [metrics_by_hand(p)["accuracy"] for p in (*every, sum(every) / 2)]


@pytest.mark.parametrize("classes", [("yes", "no"), ("no", "yes", "maybe")])
def test_models_of_other_classes_are_refused(
    classes: tuple[str, ...], tmp_path: Path, table: Path
) -> None:
    names = [saved(tmp_path / "x", "a good film\n"), saved(tmp_path / "y", "bad\n", classes)]
    with pytest.raises(LmcourseError, match="y knows the classes"):
        evaluate_classifiers(names, table)


def test_a_model_is_not_averaged_with_itself(tmp_path: Path, table: Path) -> None:
    name = saved(tmp_path / "x", "a good film\n")
    with pytest.raises(LmcourseError, match="each of them once"):
        evaluate_classifiers([name, name], table)


def test_a_split_that_is_not_there_is_named(tmp_path: Path, table: Path) -> None:
    name = saved(tmp_path / "x", "a good film\n")
    with pytest.raises(LmcourseError, match="no test split"):
        evaluate_classifiers([name], table, "test")
