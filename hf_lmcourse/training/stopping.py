"""Training that ends before its last step: by patience, or by a time limit."""

import json
import time
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import broadcast
from transformers import EarlyStoppingCallback, TrainerCallback, TrainerControl, TrainerState
from transformers.trainer_callback import ExportableState

_NEED_NO_LENGTH = (
    "constant",
    "constant_with_warmup",
    "inverse_sqrt",
    "reduce_lr_on_plateau",
    "step",
)


class Patience(EarlyStoppingCallback):
    """Stop after `patience` evaluations without a better loss.

    The count is restored from a checkpoint; the limit is always that of the settings.
    """

    def on_train_begin(
        self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Take the limit from the settings."""
        self.early_stopping_patience = args.patience
        super().on_train_begin(args, state, control, **kwargs)


class TimeLimit(TrainerCallback, ExportableState):
    """Stop after `max_training_seconds` of training steps; evaluations are not counted.

    The last step is followed by an evaluation and a checkpoint, like the one at `max_steps`. With
    several processes the clock of the first one counts.

    Attributes:
        seconds: Duration of all steps, including those before an interruption.
    """

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self._began = 0.0

    def on_step_begin(self, *args: Any, **kwargs: Any) -> None:
        """Start the clock."""
        self._began = time.perf_counter()

    def on_step_end(
        self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Stop the clock, and the training when the time is up."""
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
        """Return what a checkpoint keeps."""
        return {"args": {"seconds": self.seconds}, "attributes": {}}


def check_time_limit(args: Any) -> None:
    """Check that `max_training_seconds` is positive and goes with the learning-rate schedule.

    A schedule that needs the number of steps would follow `max_steps` or `num_train_epochs`, which
    are not reached: at the time limit the learning rate would still be high.

    Raises:
        ValueError: It does not.
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


def keep_stopped(args: Any, checkpoint: Path) -> None:
    """Set `max_steps` to the step of a checkpoint if patience or time had run out there.

    Trainer takes a step before it asks whether to stop: each time such a run is resumed, only to be
    scored for instance, it would train one step further.

    Args:
        args: `RunArguments`; their `max_steps` is set.
        checkpoint: A folder with a `trainer_state.json`.
    """
    state = json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
    kept = state.get("stateful_callbacks", {})
    attributes = _of(kept, Patience.__name__, "attributes")
    waited = attributes.get("early_stopping_patience_counter", 0)
    trained = _of(kept, TimeLimit.__name__, "args").get("seconds", 0.0)
    patience_ended = args.patience is not None and waited >= args.patience
    limit = args.max_training_seconds
    if patience_ended or (limit is not None and trained >= limit):
        args.max_steps = state["global_step"]


def _of(callbacks: dict[str, Any], name: str, part: str) -> dict[str, Any]:
    kept = callbacks.get(name, {})
    kept = kept[0] if isinstance(kept, list) else kept
    return kept.get(part, {})
