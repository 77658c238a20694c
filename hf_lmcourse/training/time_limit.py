"""Trainings of a given length in seconds rather than in steps, to compare at equal cost."""

import time
from typing import Any

import torch
from accelerate.utils import broadcast
from transformers import TrainerCallback, TrainerControl, TrainerState
from transformers.trainer_callback import ExportableState

__all__ = ["TimeLimit", "check_time_limit"]

_NEED_NO_LENGTH = (
    "constant",
    "constant_with_warmup",
    "inverse_sqrt",
    "reduce_lr_on_plateau",
    "step",
)


def check_time_limit(args: Any) -> None:
    """Refuse a limit that is none, or a schedule that has to know how many steps there will be.

    Such a schedule would lower the learning rate by the steps of `max_steps` or `num_train_epochs`,
    which nobody takes: at the limit it would still be high.

    Args:
        args: `RunArguments`.

    Raises:
        ValueError: see above.
    """
    if args.max_training_seconds is None:
        return
    if args.max_training_seconds <= 0:
        raise ValueError(f"max_training_seconds must be above 0, not {args.max_training_seconds}")
    schedule = args.lr_scheduler_type
    if schedule not in _NEED_NO_LENGTH:
        raise ValueError(
            f"nobody knows how many steps max_training_seconds leaves {schedule!r}: take for "
            f"lr_scheduler_type one of {', '.join(_NEED_NO_LENGTH)}"
        )
    for name in ("warmup_steps", "step_decay_every", "step_decay_start"):
        if 0 < (getattr(args, name) or 0) < 1:
            raise ValueError(f"with max_training_seconds {name} must be steps, not a share of them")


class TimeLimit(TrainerCallback, ExportableState):
    """Stop after `max_training_seconds` of steps, the evaluations between them not counted.

    The last step is followed by an evaluation and a checkpoint, as that at `max_steps` is. With
    several processes the clock of the first one counts.

    Attributes:
        seconds: what the steps took together, those before an interruption included.
    """

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self._began = 0.0

    def on_step_begin(
        self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Start the watch."""
        self._began = time.perf_counter()

    def on_step_end(
        self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Stop it, and the training once the time is up."""
        self.seconds += time.perf_counter() - self._began
        if args.max_training_seconds is None:
            return
        left = torch.tensor(args.max_training_seconds - self.seconds, device=args.device)
        if args.world_size > 1:
            left = broadcast(left)
        if left <= 0:
            control.should_training_stop = True
            control.should_evaluate |= args.eval_strategy == "steps"
            control.should_save |= args.save_strategy == "steps"

    def state(self) -> dict[str, dict[str, Any]]:
        """What a checkpoint keeps."""
        return {"args": {"seconds": self.seconds}, "attributes": {}}
