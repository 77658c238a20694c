"""A Trainer that resumes what it began, and nothing else."""

import logging
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from torch import nn
from torch.optim.lr_scheduler import LambdaLR
from transformers import PreTrainedModel, Trainer
from transformers.trainer_utils import TrainOutput, get_last_checkpoint, set_seed

from ..errors import LmcourseError
from ..models.loading import check_weights
from .checkpoint_record import (
    CheckpointRecord,
    begin_record,
    check_best,
    check_files,
    complete_record,
    read_record,
    read_state,
    reading,
)
from .made_from import NEW_OPTIMIZER, RATES, Difference, accepted_differences, made_from


def check_checkpoint(
    folder: Path, model: PreTrainedModel, wanted: dict[str, Any], args: Any
) -> list[Difference]:
    """Check that a checkpoint is whole and undamaged, and made from what a run is made from.

    Args:
        folder: The checkpoint.
        model: What its weights are meant for.
        wanted: What the run is made from; see `made_from`.
        args: Settings of the training.

    Returns:
        What differs, accepted in `resume_changes`; for a checkpoint of an earlier version, which
        has no record of what it was made from, nothing.

    Raises:
        LmcourseError: A file is missing or damaged, or something else differs.
    """
    record, accepted = read_record(folder), getattr(args, "resume_changes", None) or ()
    different = []
    if record is not None:
        different = accepted_differences(folder, record.made_from, wanted, accepted)
    check_weights(folder, model)
    check_files(folder, _processes_of(record) or args.world_size)
    state = read_state(folder)
    if args.load_best_model_at_end:
        check_best(folder, state)
    return different


class ResumingTrainer(Trainer):
    """transformers' Trainer, but what it resumes is checked: see `check_checkpoint`.

    Each checkpoint has a record (`checkpoint.json`) of what it was made from, and of the hashes of
    its files. Trainer's own state is written when the files of all processes are there.

    Attributes:
        made_from: What the run is made from; see `made_from`.
        changes: What was changed when the run was resumed, a sentence each.

    Raises:
        LmcourseError: In `train`, as `check_checkpoint`.
    """

    model: Any
    optimizer: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.changes: list[str] = []
        self._changed: set[str] = set()

    @cached_property
    def made_from(self) -> dict[str, Any]:
        """What the run is made from; may be set, to add what the trainer does not know."""
        data = (self.train_dataset, self.eval_dataset)
        return made_from(self.args, self.model, self.processing_class, *data)

    def train(
        self, resume_from_checkpoint: str | bool | None = None, *args: Any, **kwargs: Any
    ) -> TrainOutput:
        """Train, from a checkpoint if one is named that fits."""
        self.changes, self._changed = [], set()
        if resume_from_checkpoint is True:
            resume_from_checkpoint = get_last_checkpoint(str(self.args.output_dir)) or True
        if isinstance(resume_from_checkpoint, str):
            self._check(Path(resume_from_checkpoint))
        return super().train(resume_from_checkpoint, *args, **kwargs)

    def _check(self, folder: Path) -> None:
        different = check_checkpoint(folder, self.model, self.made_from, self.args)
        record, step = read_record(folder), read_state(folder).global_step
        if record is None and self.is_world_process_zero():
            logging.getLogger(__name__).warning(
                "%s is of an earlier version, which did not record what it was made from: that "
                "text, tokenizer and settings are the same and its weights undamaged is not "
                "checked",
                folder,
            )
        self._changed = {difference.name for difference in different}
        self.changes = record.changes.copy() if record else []
        changes = [difference.change for difference in different]
        if (before := _processes_of(record) or self.args.world_size) != self.args.world_size:
            changes.append(f"processes {self.args.world_size} instead of {before}")
        self.changes += [f"{change} after step {step}" for change in changes]

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        """Write a record first, and the hashes of the files last."""
        folder = Path(self._get_output_dir(trial=trial), f"checkpoint-{self.state.global_step}")
        if self.args.should_save:
            begin_record(folder, self.made_from, self.changes)
        super()._save_checkpoint(model, trial)
        if self.args.should_save:
            complete_record(folder)

    def _save_rng_state(self, output_dir: str) -> None:
        """Wait for all processes: what is written next completes the checkpoint."""
        super()._save_rng_state(output_dir)
        self.accelerator.wait_for_everyone()

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        with reading(resume_from_checkpoint, "model.safetensors or config.json"):
            super()._load_from_checkpoint(resume_from_checkpoint, model)

    def _init_training_state(
        self, max_steps: Any, steps_per_epoch: Any, epochs: Any, checkpoint: Any, trial: Any
    ) -> tuple[int, int]:
        """Find the best checkpoint next to the one that is resumed, wherever both are now."""
        if checkpoint is None:
            return super()._init_training_state(max_steps, steps_per_epoch, epochs, None, trial)
        with reading(checkpoint, "trainer_state.json"):
            begun = super()._init_training_state(
                max_steps, steps_per_epoch, epochs, checkpoint, trial
            )
        if self.args.load_best_model_at_end:
            best = check_best(Path(checkpoint), read_state(Path(checkpoint)))
            self.state.best_model_checkpoint = None if best is None else str(best)
        return begun

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if checkpoint is None:
            return
        groups = self.optimizer.param_groups
        fresh = [{n: v for n, v in group.items() if n != "params"} for group in groups]
        rates = getattr(self.lr_scheduler, "base_lrs", [])
        with reading(checkpoint, "optimizer.pt or scheduler.pt"):
            if not self._changed & NEW_OPTIMIZER:
                super()._load_optimizer_and_scheduler(checkpoint)
            if self._changed & (NEW_OPTIMIZER | RATES):
                self._restart_rates(fresh, rates)

    def _restart_rates(self, fresh: Sequence[dict[str, Any]], rates: Sequence[float]) -> None:
        """Use the settings of this run in place of those that the checkpoint keeps."""
        groups, schedule = self.optimizer.param_groups, self.lr_scheduler
        for group, values in zip(groups, fresh, strict=True):
            group.update(values)
        if isinstance(schedule, LambdaLR):
            schedule.base_lrs, schedule.last_epoch = list(rates), self.state.global_step
            for group, rate, factor in zip(groups, rates, schedule.lr_lambdas, strict=True):
                group["lr"] = rate * factor(schedule.last_epoch)
            schedule._last_lr = [group["lr"] for group in groups]

    def _load_rng_state(self, checkpoint: str | None) -> None:
        """Go on with the random numbers of each process; with other processes, begin new ones."""
        before = None if checkpoint is None else _processes_of(read_record(Path(checkpoint)))
        if before not in (None, self.args.world_size):
            set_seed(self.args.seed + self.state.global_step)
            return
        with reading(str(checkpoint), "the state of the random numbers"):
            super()._load_rng_state(checkpoint)

    def _load_best_model(self) -> None:
        """Load the best weights; if they have gone meanwhile, others would be saved as the best."""
        best = self.state.best_model_checkpoint
        if best is not None and not Path(best, "model.safetensors").is_file():
            raise LmcourseError(f"the best weights, in {best}, have been removed: train again")
        super()._load_best_model()


def _processes_of(record: CheckpointRecord | None) -> int | None:
    """How many processes wrote a checkpoint; `None` if it has no record of that."""
    cuts = record.made_from.get("cuts", {}) if record else {}
    processes: int | None = cuts.get("processes")
    return processes
