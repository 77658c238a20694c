"""`lmcourse train --resume_from_checkpoint` with other data and settings than it began with."""

import csv
import shutil
from pathlib import Path

import pytest

from hf_lmcourse.training.checkpoint_record import RECORD

from .commands import FinishedRun, Outcome, files_of, lmcourse, result_of, write_yaml

CLASSIFIER = """\
model: {model_type: lmcourse_dan, embedding_size: 3, hidden_size: 4, num_hidden_layers: 1}
training: {num_train_epochs: 1, per_device_train_batch_size: 4}
"""
VECTORS = "line 1 0 0\nsays 0 1 0\nwhat 0 0 1\n"


def resume(yaml: Path, folder: Path, *words: object) -> Outcome:
    return lmcourse("train", yaml, "--output_dir", folder, "--resume_from_checkpoint", *words)


def refused(yaml: Path, folder: Path, *words: object) -> str:
    """The sentence with which a resumed run is refused, before anything is written."""
    before = files_of(folder)
    complaint = resume(yaml, folder, "last", *words).complaint
    assert files_of(folder) == before
    assert len(complaint.replace(str(folder), "")) < 300
    return complaint


def other_letters(corpus: Path, target: Path) -> Path:
    """As many different characters, of which one is another."""
    target.write_text(corpus.read_text().replace("w", "z"))
    return target


def test_another_alphabet_of_the_same_size_is_refused(
    finished: FinishedRun, run_copy: Path, tmp_path: Path
) -> None:
    corpus = other_letters(finished.corpus, tmp_path / "other.txt")
    complaint = refused(finished.yaml, run_copy, "--corpus", corpus)
    assert "another tokenizer" in complaint


def test_another_order_of_the_same_text_is_refused_and_taken_by_name(
    finished: FinishedRun, run_copy: Path, tmp_path: Path
) -> None:
    lines = finished.corpus.read_text().splitlines(keepends=True)
    corpus = tmp_path / "other.txt"
    corpus.write_text("".join([*lines[1:30], lines[0], *lines[30:]]))
    longer = ["--corpus", corpus, "--num_train_epochs", "3"]
    complaint = refused(finished.yaml, run_copy, *longer)
    assert "another training text" in complaint and "validation" not in complaint
    words = ["last", *longer, "--resume_changes", "training_text"]
    assert resume(finished.yaml, run_copy, *words).status == 0
    card = (run_copy / "README.md").read_text()
    assert "| `changed on resuming` | another training text after step " in card


def test_the_same_text_elsewhere_is_the_same(
    finished: FinishedRun, run_copy: Path, tmp_path: Path
) -> None:
    corpus = Path(shutil.copy(finished.corpus, tmp_path / "moved.txt"))
    assert resume(finished.yaml, run_copy, "last", "--corpus", corpus).status == 0
    assert result_of(run_copy)["metrics"] == result_of(finished.folder)["metrics"]


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["--learning_rate", "0.5"], "learning_rate 0.002, not 0.5"),
        (["--optim", "sgd"], "optim adamw_torch_fused, not sgd"),
        (["--seed", "7"], "resume with the same seed"),
        (["--output_dropout", "0.3"], "output_dropout 0.0, not 0.3"),
        (["--block_length", "8"], "cut with block_length 16, and cannot go on with block_length 8"),
    ],
)
def test_a_setting_without_effect_or_in_the_middle_of_a_run_is_refused(
    words: list[str], what: str, finished: FinishedRun, run_copy: Path
) -> None:
    assert what in refused(finished.yaml, run_copy, *words)


def test_an_accepted_learning_rate_is_used_and_the_card_says_from_when(
    finished: FinishedRun, run_copy: Path
) -> None:
    words = ["--learning_rate", "0.5", "--num_train_epochs", "3"]
    outcome = resume(finished.yaml, run_copy, "last", *words, "--resume_changes", "learning_rate")
    assert outcome.status == 0, outcome.err
    assert outcome.out.count("learning rate 5.00e-01") > 0
    card = (run_copy / "README.md").read_text()
    assert "| `changed on resuming` | learning_rate 0.5 instead of 0.002 after step " in card
    assert "--resume_changes learning_rate" in result_of(run_copy)["command"]


def test_vectors_that_a_resumed_run_would_not_read_are_refused(
    finished: FinishedRun, tmp_path: Path
) -> None:
    changes = [("block_length: 16", "block_length: 16\n  tokenizer: word")]
    changes += [("hidden_size: 8", "hidden_size: 8\n  embedding_size: 3")]
    yaml = write_yaml(tmp_path / "words.yaml", finished.corpus, changes)
    vectors, run = tmp_path / "vectors.txt", tmp_path / "run"
    vectors.write_text(VECTORS)
    assert lmcourse("train", yaml, "--output_dir", run, "--vectors", vectors).status == 0
    assert "other word vectors" in refused(yaml, run)
    vectors.write_text(VECTORS.replace("1 0 0", "2 0 0"))
    assert "vectors" in refused(yaml, run, "--vectors", vectors)
    moved = tmp_path / "moved.txt"
    moved.write_text(VECTORS)
    assert resume(yaml, run, "last", "--vectors", moved).status == 0


def write_reviews(path: Path, good: str, bad: str) -> Path:
    with path.open("w", newline="") as file:
        rows = [
            (f"it was {word} {n}", name)
            for n in range(20)
            for word, name in (("fine", good), ("dull", bad))
        ]
        csv.writer(file).writerows([("text", "label"), *rows])
    return path


def test_classes_in_another_order_are_refused(tmp_path: Path) -> None:
    yaml, table, run = tmp_path / "dan.yaml", tmp_path / "reviews.csv", tmp_path / "run"
    yaml.write_text(CLASSIFIER)
    words = ["--corpus", write_reviews(table, good="good", bad="bad")]
    first = lmcourse("train", yaml, "--output_dir", run, *words)
    assert first.status == 0, first.err
    write_reviews(table, good="above", bad="below")
    assert "labels ['bad', 'good'], not ['above', 'below']" in refused(yaml, run, *words)
    write_reviews(table, good="good", bad="bad")
    assert resume(yaml, run, "last", *words).status == 0


def test_a_run_of_an_earlier_version_is_resumed(finished: FinishedRun, run_copy: Path) -> None:
    for checkpoint in (run_copy / "checkpoints").iterdir():
        (checkpoint / RECORD).unlink()
    assert resume(finished.yaml, run_copy).status == 0
    assert result_of(run_copy)["metrics"] == result_of(finished.folder)["metrics"]


@pytest.mark.parametrize("content", ["{}", "[]", "null"])
def test_a_state_of_the_training_that_says_nothing_is_refused(
    content: str, finished: FinishedRun, run_copy: Path
) -> None:
    for checkpoint in (run_copy / "checkpoints").iterdir():
        (checkpoint / "trainer_state.json").write_text(content)
    assert "trainer_state.json of" in refused(finished.yaml, run_copy)
    for checkpoint in (run_copy / "checkpoints").iterdir():
        (checkpoint / RECORD).unlink()
    assert "trainer_state.json of" in refused(finished.yaml, run_copy)
