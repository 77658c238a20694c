"""Trainings that end before their last step: with patience, or with a limit of time."""

import json
from pathlib import Path
from typing import Any

from transformers import (
    EarlyStoppingCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from .arguments import RunArguments
from .time_limit import TimeLimit

__all__ = ["Patience", "train_no_further"]


class Patience(EarlyStoppingCallback):
    """Stop after `patience` evaluations without a better loss.

    Going on from a checkpoint it has counted so far what it had counted there; how many are allowed
    is said anew.
    """

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Take the number from the settings."""
        assert isinstance(args, RunArguments) and args.patience is not None
        self.early_stopping_patience = args.patience
        super().on_train_begin(args, state, control, **kwargs)


def train_no_further(args: RunArguments, checkpoint: Path) -> None:
    """Let the last step be that of a checkpoint at which patience or time had come to an end.

    Trainer takes a step before it asks whether to stop, so that each time that such a training is
    resumed, to be scored say, it would have trained on.

    Args:
        args: `max_steps` of which is set.
        checkpoint: with a `trainer_state.json`.
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
