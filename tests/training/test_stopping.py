"""Training runs that end by patience or by a time limit, and what happens when they are resumed."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from transformers import TrainerCallback, TrainerControl, TrainerState

from hf_lmcourse.training.arguments import RunArguments
from hf_lmcourse.training.stopping import Patience, TimeLimit, keep_stopped

from ..cli.commands import lmcourse, result_of, write_corpus, write_yaml
from .test_trainer import trainer


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
    keep_stopped(args, checkpoint(tmp_path, **kept))
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


class Slow(TrainerCallback):
    """Steps and evaluations that take their time; the seconds of each add up."""

    def __init__(self, step: float = 0.01, evaluation: float = 0.0) -> None:
        self.step, self.evaluation = step, evaluation

    def on_pre_optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        time.sleep(self.step)

    def on_evaluate(self, *args: Any, **kwargs: Any) -> None:
        time.sleep(self.evaluation)


def limited(folder: Path, seconds: float, **changes: Any) -> Any:
    settings = {"num_train_epochs": 1000, "max_training_seconds": seconds} | changes
    run = trainer(folder, **settings)
    run.args.restore_callback_states_from_checkpoint = True
    run.add_callback(TimeLimit())
    return run


def clock_of(run: Any) -> TimeLimit:
    return next(c for c in run.callback_handler.callbacks if isinstance(c, TimeLimit))


def evaluations(run: Any) -> list[int]:
    return [log["step"] for log in run.state.log_history if "eval_loss" in log]


@pytest.mark.parametrize("strategy", ["steps", "epoch"])
def test_it_stops_in_time_and_ends_with_an_evaluation_and_a_checkpoint(
    strategy: str, tmp_path: Path
) -> None:
    options = {"eval_steps": 4, "save_steps": 4, "save_strategy": strategy}
    run = limited(tmp_path, 0.2, eval_strategy=strategy, load_best_model_at_end=True, **options)
    run.add_callback(Slow())
    run.train()
    last = run.state.global_step
    assert 0.2 <= clock_of(run).seconds
    assert 1 <= last <= 20, "each step takes a hundredth of a second or more"
    assert evaluations(run)[-1] == last
    assert (tmp_path / f"checkpoint-{last}").exists()
    assert len(set(evaluations(run))) == len(evaluations(run))


def test_evaluations_are_not_counted(tmp_path: Path) -> None:
    run = limited(tmp_path, 60.0, max_steps=3, eval_strategy="steps", eval_steps=1)
    run.add_callback(Slow(step=0.0, evaluation=0.5))
    began = time.perf_counter()
    run.train()
    assert len(evaluations(run)) == 3
    assert clock_of(run).seconds <= time.perf_counter() - began - 3 * 0.5


def test_a_resumed_training_has_what_is_left_of_its_time(tmp_path: Path) -> None:
    first = limited(tmp_path, 60.0, max_steps=5, save_strategy="steps", save_steps=5)
    first.train()
    clock_of(first).seconds = 59.9  # a long training, without the waiting
    first._save_checkpoint(first.model, None)
    second = limited(tmp_path, 60.0)
    second.add_callback(Slow(step=0.05))
    second.train(resume_from_checkpoint=str(tmp_path / "checkpoint-5"))
    assert 6 <= second.state.global_step <= 7
    assert clock_of(second).seconds >= 60.0


def test_without_a_limit_nothing_is_stopped() -> None:
    args, control = RunArguments(use_cpu=True), TrainerControl()
    clock = TimeLimit(seconds=1e9)
    clock.on_step_begin(args, TrainerState(), control)
    clock.on_step_end(args, TrainerState(), control)
    assert not control.should_training_stop


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "how many steps max_training_seconds leaves 'linear'.* constant"),
        ({"lr_scheduler_type": "cosine"}, "leaves 'cosine'"),
        ({"max_training_seconds": 0}, "max_training_seconds must be above 0, not 0"),
        (
            {"lr_scheduler_type": "constant_with_warmup", "warmup_steps": 0.1},
            "warmup_steps must be steps, not a share",
        ),
        (
            {"lr_scheduler_type": "step", "step_decay_every": 0.5},
            "step_decay_every must be steps, not a share",
        ),
    ],
)
def test_a_schedule_that_needs_a_length_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RunArguments(**{"max_training_seconds": 5.0, "use_cpu": True} | settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"lr_scheduler_type": "constant"},
        {"lr_scheduler_type": "constant_with_warmup", "warmup_steps": 10},
        {"lr_scheduler_type": "step", "step_decay_every": 100, "step_decay_start": 300},
    ],
)
def test_a_schedule_that_needs_none_is_not(settings: dict[str, Any]) -> None:
    args = RunArguments(max_training_seconds=5.0, use_cpu=True, **settings)
    assert args.max_training_seconds == 5.0
