"""A training that came to an early end stays there when it is resumed."""

import json
from pathlib import Path
from typing import Any

import pytest
from transformers import TrainerControl, TrainerState

from hf_lmcourse.training.arguments import RunArguments
from hf_lmcourse.training.stopping import Patience, train_no_further

from ..cli.commands import lmcourse, result_of, write_corpus, write_yaml


def checkpoint(folder: Path, waited: int = 0, seconds: float = 0.0) -> Path:
    callbacks = {
        "Patience": {"args": {}, "attributes": {"early_stopping_patience_counter": waited}},
        "TimeLimit": {"args": {"seconds": seconds}, "attributes": {}},
    }
    state = {"global_step": 33, "stateful_callbacks": callbacks}
    (folder / "trainer_state.json").write_text(json.dumps(state))
    return folder


@pytest.mark.parametrize(
    ("kept", "settings", "ended"),
    [
        ({"waited": 2}, {"patience": 2}, True),
        ({"waited": 1}, {"patience": 2}, False),
        ({"waited": 2}, {"patience": 3}, False),
        ({"waited": 2}, {}, False),
        ({"seconds": 60.0}, {"max_training_seconds": 60.0}, True),
        ({"seconds": 59.0}, {"max_training_seconds": 60.0}, False),
        ({"seconds": 60.0}, {}, False),
    ],
)
def test_what_had_ended_gets_no_further_step(
    kept: dict[str, Any], settings: dict[str, Any], ended: bool, tmp_path: Path
) -> None:
    args = RunArguments(use_cpu=True, lr_scheduler_type="constant", **settings)
    train_no_further(args, checkpoint(tmp_path, **kept))
    assert args.max_steps == (33 if ended else -1)


def test_patience_is_that_of_the_settings() -> None:
    args = RunArguments(use_cpu=True, patience=50, metric_for_best_model="loss")
    restored = Patience(2)
    restored.on_train_begin(args, TrainerState(), TrainerControl())
    assert restored.early_stopping_patience == 50


def test_a_run_whose_patience_had_ended_is_scored_again_and_not_trained(tmp_path: Path) -> None:
    yaml = write_yaml(tmp_path / "tiny.yaml", write_corpus(tmp_path / "small.txt"))
    words = ["train", yaml, "--output_dir", tmp_path / "run", "--patience", "1"]
    words += ["--learning_rate", "0", "--num_train_epochs", "9"]
    assert lmcourse(*words).status == 0
    first = result_of(tmp_path / "run")
    assert first["epochs"] == 2, "the second evaluation was no better than the first"
    assert lmcourse(*words, "--resume_from_checkpoint").status == 0
    again = result_of(tmp_path / "run")
    assert (again["epochs"], again["metrics"]) == (first["epochs"], first["metrics"])
