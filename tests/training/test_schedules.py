"""Remarks on settings of the learning rate that do nothing."""

from typing import Any

import pytest
from transformers import TrainerControl, TrainerState

from hf_lmcourse.training.arguments import RunArguments
from hf_lmcourse.training.schedules import ScheduleRemarks, schedule_remarks


def remarks(steps: int, **settings: Any) -> list[str]:
    return list(schedule_remarks(RunArguments(use_cpu=True, **settings), steps))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"warmup_steps": 9},
        {"warmup_steps": 0.5},
        {"lr_scheduler_type": "constant_with_warmup", "warmup_steps": 9},
        {"lr_scheduler_type": "step", "step_decay_every": 9},
        {"lr_scheduler_type": "step", "step_decay_every": 0.5, "step_decay_start": 0.9},
        {"lr_scheduler_type": "cosine_with_min_lr", "lr_scheduler_kwargs": {"min_lr": 0.1}},
    ],
)
def test_settings_that_do_something_need_no_remark(settings: dict[str, Any]) -> None:
    assert remarks(10, **settings) == []


@pytest.mark.parametrize(
    ("warmup", "steps"), [(500, "500"), (10, "10"), (0.95, "10")], ids=["longer", "equal", "share"]
)
def test_a_warm_up_that_does_not_end_is_remarked_upon(warmup: float, steps: str) -> None:
    (remark,) = remarks(10, warmup_steps=warmup, learning_rate=0.25)
    assert f"warm-up takes {steps} steps" in remark and "the run has 10" in remark
    assert "0.25" in remark and "warmup_steps" in remark


@pytest.mark.parametrize(
    ("schedule", "name", "value"),
    [
        ("constant", "warmup_steps", 3),
        ("step", "warmup_steps", 0.1),
        ("reduce_lr_on_plateau", "warmup_steps", 3),
        ("linear", "step_decay_every", 3),
        ("cosine", "step_decay_start", 3),
        ("linear", "step_decay_factor", 0.1),
        ("constant", "lr_scheduler_kwargs", {"min_lr": 0.1}),
    ],
)
def test_a_setting_that_the_schedule_does_not_use_is_named(
    schedule: str, name: str, value: Any
) -> None:
    every = {"step_decay_every": 2} if schedule == "step" else {}
    (remark,) = remarks(10, lr_scheduler_type=schedule, **every, **{name: value})
    assert remark.startswith(f"{name} has no effect") and schedule in remark


def test_a_decay_after_the_end_is_remarked_upon() -> None:
    (remark,) = remarks(10, lr_scheduler_type="step", step_decay_every=10)
    assert "never decays" in remark


def test_remarks_are_printed_once_by_the_first_process(capsys: pytest.CaptureFixture[str]) -> None:
    args, control = RunArguments(use_cpu=True, warmup_steps=99), TrainerControl()
    for first in (True, False):
        state = TrainerState(max_steps=10, is_world_process_zero=first)
        ScheduleRemarks().on_train_begin(args, state, control)
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("warning: ") and "99 steps" in line
