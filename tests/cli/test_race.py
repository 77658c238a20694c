"""`lmcourse race`: the same text, one clock, and how soon the mark is reached."""

import json
from pathlib import Path

import pytest

from hf_lmcourse.training.race import Clock

from .commands import lmcourse, write_corpus, write_yaml

BIGRAMS = [
    ("lmcourse_lstm", "lmcourse_bigram_mlp"),
    ("block_length: 16", "block_length: 16\n  tokenizer: word\n  batches: bigrams"),
    ("  sample_length: 10\n", "  sample_length: 10\n  max_grad_norm: 0\n"),
]
COUNTS = [
    *BIGRAMS,
    ("batches: bigrams", "batches: bigram_counts"),
    ("num_train_epochs: 2", "num_train_epochs: 60"),
    ("learning_rate: 2e-3", "learning_rate: 0.05"),
]


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_corpus(tmp_path / "small.txt")


def test_the_exact_gradient_reaches_the_mark_and_the_file_tells_when(
    corpus: Path, tmp_path: Path
) -> None:
    slow = write_yaml(tmp_path / "slow.yaml", corpus, BIGRAMS)
    fast = write_yaml(tmp_path / "fast.yaml", corpus, COUNTS)
    words = ("--also", corpus, "--results_dir", tmp_path / "results", "--every", "2")
    outcome = lmcourse("race", slow, fast, *words)
    assert outcome.status == 0, outcome.err
    record = json.loads((tmp_path / "results" / "race_slow.json").read_text())
    first, second = record["points"]
    mark = first["metrics"]["validation"]["nats_per_token"]
    *before, (seconds, steps, loss) = second["curve"]
    assert all(earlier > mark for _, _, earlier in before) and loss <= mark
    assert steps == second["steps_to_mark"] == 2 * len(second["curve"]) < second["steps"] == 60
    assert 0 < seconds == second["seconds_to_mark"] < second["seconds"]
    assert first["curve"] == [] and first["seconds_to_mark"] is None
    assert second["metrics"]["validation"]["nats_per_token"] < mark
    for point in record["points"]:
        assert point["metrics"]["small validation"] == point["metrics"]["validation"]
    assert record["count_models"]["validation"]["bigram counts"] > 1
    for shown in ("slow", "fast", "bigram counts", "times as fast", "small validation"):
        assert shown in outcome.out
    assert "/" not in record["points"][0]["config"].removeprefix("path/to/")


def test_a_way_that_never_gets_there_says_so(corpus: Path, tmp_path: Path) -> None:
    fast = write_yaml(tmp_path / "fast.yaml", corpus, COUNTS)
    slow = write_yaml(tmp_path / "slow.yaml", corpus, [*COUNTS[:4], ("2e-3", "1e-6")])
    outcome = lmcourse("race", fast, slow)
    assert outcome.status == 0, outcome.err
    assert "slow: 2 steps" in outcome.out and "never reached" in outcome.out


def test_a_clock_that_stands_still_does_not_run() -> None:
    class Trainer:
        def add_callback(self, callback: object) -> None:
            self.callback = callback

    class Run:
        trainer = Trainer()

    clock = Clock(Run(), None, 1)  # type: ignore[arg-type]
    clock.start()
    sum(range(100_000))
    clock.stop()
    stopped = clock.seconds, clock.cpu_seconds
    assert stopped[0] > 0
    sum(range(100_000))
    assert stopped == (clock.seconds, clock.cpu_seconds)


def test_what_is_no_race_is_refused(corpus: Path, tmp_path: Path) -> None:
    one = write_yaml(tmp_path / "one.yaml", corpus, BIGRAMS)
    other = write_yaml(
        tmp_path / "other.yaml", corpus, [*BIGRAMS, ("tokenizer: word", "tokenizer: digit_pattern")]
    )
    (tmp_path / "dan.yaml").write_text("model:\n  model_type: lmcourse_dan\n")
    assert "needs two YAML files" in lmcourse("race", one).complaint
    assert "trains a classifier" in lmcourse("race", "dan.yaml", one).complaint
    assert "--every must be at least 1" in lmcourse("race", one, one, "--every", "0").complaint
    words = ("race", one, other, "--max_steps", "1", "--sample_prompt", "line ")
    complaint = lmcourse(*words)
    assert "do not share corpus and vocabulary" in complaint.err
    assert complaint.status == 2
