"""A resumed run goes on as the one that was interrupted, from wherever its checkpoints are now."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from transformers import TrainerCallback

from hf_lmcourse import LmcourseError
from hf_lmcourse.runs.checkpoints import last_complete_checkpoint
from hf_lmcourse.training import resuming
from hf_lmcourse.training.checkpoint_record import RECORD
from hf_lmcourse.training.resuming import ResumingTrainer
from hf_lmcourse.training.trainer import StreamTrainer

from .resumed_runs import assert_identical, fresh, refusal


def test_a_checkpoint_of_an_earlier_version_goes_on_and_says_so(
    whole: StreamTrainer, older: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = fresh(tmp_path)
    run.train(resume_from_checkpoint=str(older))
    assert_identical(run, whole)
    (line,) = [
        record.getMessage() for record in caplog.records if str(older) in record.getMessage()
    ]
    assert "earlier version" in line


def rates(run: StreamTrainer) -> dict[int, float]:
    """The learning rate of each logged step."""
    return {log["step"]: log["learning_rate"] for log in run.state.log_history if "loss" in log}


@pytest.mark.parametrize(
    "changes",
    [
        {"learning_rate": 0.02},
        {"warmup_steps": 7},
        {"lr_scheduler_type": "cosine"},
        {"optim": "sgd", "learning_rate": 0.3},
        {"optim": "adagrad"},
    ],
)
def test_accepted_settings_of_the_optimizer_take_effect_at_once(
    changes: dict[str, Any], whole: StreamTrainer, checkpoint: Path, tmp_path: Path
) -> None:
    run = fresh(tmp_path / "on", resume_changes=list(changes), **changes)
    run.train(resume_from_checkpoint=str(checkpoint))
    alike = fresh(tmp_path / "alike", **changes)
    alike.train()
    assert [rates(run)[step] for step in (6, 7, 8)] == [rates(alike)[s] for s in (6, 7, 8)]
    assert rates(run)[5] == rates(whole)[5] != rates(alike)[5] or "learning_rate" not in changes
    kept, wanted = run.optimizer.param_groups[0], alike.optimizer.param_groups[0]
    assert {n: v for n, v in kept.items() if n != "params"} == {
        n: v for n, v in wanted.items() if n != "params"
    }


BEST: dict[str, Any] = {
    "eval_strategy": "steps",
    "eval_steps": 2,
    "save_steps": 2,
    "load_best_model_at_end": True,
    "learning_rate": 1.0,
    "metric_for_best_model": "loss",
    "greater_is_better": True,  # the first weights remain the best
    "save_total_limit": None,
}


@pytest.fixture
def best(tmp_path: Path) -> StreamTrainer:
    run = fresh(tmp_path / "first", **BEST)
    run.train()
    assert Path(run.state.best_model_checkpoint).name == "checkpoint-2", "not the last one"
    return run


def test_the_best_checkpoint_is_found_after_the_folder_has_moved(
    best: StreamTrainer, tmp_path: Path
) -> None:
    (tmp_path / "first").rename(tmp_path / "moved")
    run = fresh(tmp_path / "moved", **BEST)
    run.train(resume_from_checkpoint=str(tmp_path / "moved" / "checkpoint-6"))
    assert_identical(run, best)
    assert run.state.best_model_checkpoint == str(tmp_path / "moved" / "checkpoint-2")


@pytest.mark.parametrize("damage", ["missing", "changed"])
def test_other_weights_do_not_take_the_place_of_the_best_ones(
    damage: str, best: StreamTrainer, tmp_path: Path
) -> None:
    weights, last = (tmp_path / "first" / f"checkpoint-{n}" for n in (2, 6))
    weights = weights / "model.safetensors"
    if damage == "missing":
        weights.unlink()
    else:
        weights.write_bytes(weights.read_bytes()[:-1] + b"\xff")
    run = fresh(tmp_path / "first", **BEST)
    assert "checkpoint-2" in refusal(run, last)
    run.args.load_best_model_at_end = False
    run.train(resume_from_checkpoint=str(last))
    assert run.state.global_step == 8


class RemoveBest(TrainerCallback):
    """Removes the best checkpoint when the last one is saved."""

    def on_save(self, args: Any, state: Any, *_: Any, **kwargs: Any) -> None:
        if state.global_step == state.max_steps:
            shutil.rmtree(state.best_model_checkpoint)


def test_best_weights_that_are_removed_during_the_training_are_missed(tmp_path: Path) -> None:
    run = fresh(tmp_path, **BEST)
    run.add_callback(RemoveBest())
    with pytest.raises(LmcourseError, match="checkpoint-2, have been removed"):
        run.train()


@pytest.mark.parametrize(
    ("place", "name", "goes_on_from"),
    [
        (ResumingTrainer, "_save_optimizer_and_scheduler", 3),
        (ResumingTrainer, "_save_rng_state", 3),
        (resuming, "complete_record", 6),
    ],
)
def test_a_run_killed_while_it_saves_goes_on_from_the_last_complete_checkpoint(
    place: Any, name: str, goes_on_from: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save, calls = getattr(place, name), []

    def killed_at_the_second(*args: Any) -> Any:
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return save(*args)

    settings = {"save_steps": 3, "save_total_limit": 1}
    with monkeypatch.context() as patch:
        patch.setattr(place, name, killed_at_the_second)
        with pytest.raises(KeyboardInterrupt):
            fresh(tmp_path, **settings).train()
    last = last_complete_checkpoint(tmp_path)
    assert last == tmp_path / f"checkpoint-{goes_on_from}"
    assert "files" not in json.loads((tmp_path / "checkpoint-6" / RECORD).read_text())
    run = fresh(tmp_path, **settings)
    run.train(resume_from_checkpoint=str(last))
    assert [path.name for path in tmp_path.glob("checkpoint-*")] == ["checkpoint-8"]
    whole = fresh(tmp_path / "whole", **settings)
    whole.train()
    assert_identical(run, whole)


def test_a_checkpoint_that_is_written_once_more_is_incomplete_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh(tmp_path, save_steps=2).train()
    monkeypatch.setattr(ResumingTrainer, "_save_rng_state", lambda *args: 1 / 0)
    with pytest.raises(LmcourseError, match="cannot save in"):
        fresh(tmp_path, save_steps=2).train(resume_from_checkpoint=str(tmp_path / "checkpoint-2"))
    assert not (tmp_path / "checkpoint-4" / "trainer_state.json").exists()


def test_a_checkpoint_of_the_model_alone_is_refused(tmp_path: Path) -> None:
    fresh(tmp_path, save_only_model=True).train()
    message = refusal(fresh(tmp_path / "on"), tmp_path / "checkpoint-5")
    assert "lacks optimizer.pt" in message
