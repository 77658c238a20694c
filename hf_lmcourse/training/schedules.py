"""The learning-rate schedule "step", and remarks on settings of a schedule that do nothing."""

import math
from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any

from tqdm.auto import tqdm
from transformers import SchedulerType, TrainerCallback, TrainerState

from ..errors import LmcourseError
from .arguments import RunArguments

_WITHOUT_WARMUP = ("constant", "greedy", "reduce_lr_on_plateau", "step")
_WITHOUT_KWARGS = ("constant", "constant_with_warmup", "step")


def step_decay(args: RunArguments, num_training_steps: int) -> Callable[[int], float]:
    """Return the factor of the learning rate as a function of the step.

    The factor is 1 until step `start`, and from there on

        factor ** (1 + floor((t - start) / every))

    Args:
        args: `step_decay_every`, `step_decay_start`, `step_decay_factor`.
        num_training_steps: The total, for values below 1, which are shares of it.

    Raises:
        LmcourseError: `step_decay_every` is not positive.
    """
    every, start = _decay_steps(args, num_training_steps)
    factor = args.step_decay_factor

    def rate(step: int) -> float:
        return factor ** max(0, math.floor((step - start) / every) + 1)

    return rate


def _decay_steps(args: RunArguments, num_training_steps: int) -> tuple[float, float]:
    """Steps between two decays, and before the first."""
    every, start = args.step_decay_every, args.step_decay_start
    if every <= 0:
        raise LmcourseError('lr_scheduler_type "step" needs step_decay_every above 0')
    start = every if start is None else start
    every, start = (v * num_training_steps if v < 1 else v for v in (every, start))
    return every, start


def schedule_remarks(args: RunArguments, num_training_steps: int) -> Iterator[str]:
    """Say in a sentence each which settings of the learning rate have no effect in a run.

    Args:
        args: Settings of the training.
        num_training_steps: Optimizer steps of the run.
    """
    schedule = "step" if args.step_decay else SchedulerType(args.lr_scheduler_type).value
    warmup = args.get_warmup_steps(num_training_steps)
    without_effect = [f.name for f in fields(args) if f.name.startswith("step_decay_")]
    if schedule == "step":
        without_effect = []
        if _decay_steps(args, num_training_steps)[1] >= num_training_steps:
            yield (
                f"the learning rate never decays: the run has {num_training_steps:,} steps; lower "
                "step_decay_start or step_decay_every"
            )
    if schedule in _WITHOUT_WARMUP:
        without_effect.append("warmup_steps")
    elif warmup >= num_training_steps:
        yield (
            f"the learning rate never reaches {args.learning_rate:g}: its warm-up takes {warmup:,} "
            f"steps, and the run has {num_training_steps:,}; lower warmup_steps"
        )
    if schedule in _WITHOUT_KWARGS:
        without_effect.append("lr_scheduler_kwargs")
    defaults = {f.name: f.default for f in fields(args)}
    for name in without_effect:
        if getattr(args, name) != defaults[name]:
            yield f"{name} has no effect: lr_scheduler_type {schedule!r} does not use it"


class ScheduleRemarks(TrainerCallback):
    """Print the remarks of `schedule_remarks` before the first step."""

    def on_train_begin(self, args: Any, state: TrainerState, *_: Any, **kwargs: Any) -> None:
        """Print them, on the main process only."""
        if state.is_world_process_zero:
            for remark in schedule_remarks(args, state.max_steps):
                tqdm.write(f"warning: {remark}")
