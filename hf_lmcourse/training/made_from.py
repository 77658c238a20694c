"""What a training run is made from, and which of it may differ when the run is resumed."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import PreTrainedConfig, PreTrainedModel, TrainingArguments

from ..data.content_hash import dataset_hash, tokenizer_hash
from ..errors import LmcourseError, nearest, short

NEW_OPTIMIZER = {"optim", "optim_target_modules", "lbfgs_iterations", "vectors_learning_rate"}
"""Settings that make another optimizer, which the state of the old one does not fit."""

RATES = {
    "adam_beta1",
    "adam_beta2",
    "adam_epsilon",
    "learning_rate",
    "lr_scheduler_kwargs",
    "lr_scheduler_type",
    "optim_args",
    "step_decay_every",
    "step_decay_factor",
    "step_decay_start",
    "warmup_steps",
    "weight_decay",
}
"""Settings that are saved with the optimizer and the schedule, whose values would win."""

_OTHERS = {
    "accelerator_config",
    "average_tokens_across_devices",
    "bf16",
    "cell",
    "ema_decay",
    "forget_state",
    "fp16",
    "input_masking",
    "input_masking_with",
    "label_smoothing_factor",
    "max_grad_norm",
    "neftune_noise_alpha",
    "non_monotone_interval",
    "tf32",
}
_FIXED = {
    "data_seed",
    "dataloader_drop_last",
    "seed",
    "train_sampling_strategy",
    "weight_averaging",
}
"""Settings that had their effect when the run began: a resumed run cannot change them."""

DECISIVE = NEW_OPTIMIZER | RATES | _OTHERS | _FIXED
"""The settings of the training that determine its weights; not how long it lasts."""

_ROWS = ("processes", "per_device_train_batch_size")

_HASHED = {
    "tokenizer": "another tokenizer",
    "training_text": "another training text",
    "validation_text": "another validation text",
    "vectors": "other word vectors",
}


@dataclass(frozen=True)
class Difference:
    """What differs between a checkpoint and the run that resumes it.

    Attributes:
        name: A setting, "labels", or the name of what was hashed.
        before: Its value in the checkpoint.
        after: Its value now.
    """

    name: str
    before: Any
    after: Any

    @property
    def change(self) -> str:
        """What a resumed run does with it."""
        if self.name in _HASHED:
            return _HASHED[self.name]
        return f"{self.name} {short(str(self.after), 40)} instead of {short(str(self.before), 40)}"

    def __str__(self) -> str:
        if self.name in _HASHED:
            return _HASHED[self.name]
        return f"{self.name} {short(str(self.before), 40)}, not {short(str(self.after), 40)}"


def made_from(
    args: TrainingArguments, model: PreTrainedModel, tokenizer: Any, train: Any, validation: Any
) -> dict[str, Any]:
    """Describe everything that determines the weights of a training run, as JSON knows it.

    Text, tokenizer and word vectors are hashed by their content: where they are does not matter.

    Args:
        args: The settings of the training.
        model: The model.
        tokenizer: Its tokenizer, if there is one.
        train: The training data; of data sets of other packages the content is not known.
        validation: The validation data, which choose the best checkpoint.
    """
    config: Any = model.config
    # which kernel computes a recurrence may change, as the device may
    shared = {*PreTrainedConfig().to_dict(), "use_cache", "vocab_size", "backend"}
    own = {
        n: v
        for n, v in config.to_dict().items()
        if n not in shared and not n.endswith("_token_id")  # the tokenizer has these
    }
    settings = {n: v for n, v in args.to_dict().items() if n in DECISIVE}
    if getattr(args, "step_decay", False):
        settings["lr_scheduler_type"] = "step"
    block = getattr(train, "block_length", getattr(train, "window", None))
    content = {
        "tokenizer": tokenizer_hash(tokenizer),
        "labels": list((config.id2label or {}).values()),
        "training_text": dataset_hash(train),
        "validation_text": dataset_hash(validation),
        "cuts": {
            "num_streams": getattr(train, "num_streams", None),
            "block_length": block,
            "random_offset": getattr(train, "random_offset", None),
            "batches": type(train).__name__,
            "processes": args.world_size,
            "per_device_train_batch_size": args.train_batch_size,
            "gradient_accumulation_steps": args.gradient_accumulation_steps,
        },
        **own,
        **settings,
    }
    return json.loads(json.dumps(content, default=str))


def check_names(wanted: dict[str, Any], may_differ: Sequence[str]) -> None:
    """Check that `resume_changes` has names of what may differ.

    Raises:
        LmcourseError: It has another name.
    """
    known = wanted.keys() - _FIXED - {"cuts"}
    for name in may_differ:
        if name not in known:
            close = nearest(name, known)
            hint = f"did you mean {close!r}?" if close else "see lmcourse train --help"
            raise LmcourseError(f"resume_changes: {name!r} cannot be changed; {hint}")


def accepted_differences(
    folder: Path, before: dict[str, Any], wanted: dict[str, Any], may_differ: Sequence[str]
) -> list[Difference]:
    """Compare what a checkpoint is made from with what a run would resume it with.

    Args:
        folder: The checkpoint.
        before: What it is made from.
        wanted: The same of the run; what only one of both knows is not compared.
        may_differ: Names that the user accepts.

    Returns:
        The differences, all of them accepted.

    Raises:
        LmcourseError: Something else differs, or something that cannot change.
    """
    check_names(wanted, may_differ)
    _check_cuts(folder, before.get("cuts", {}), wanted["cuts"])
    different = [
        Difference(name, before[name], value)
        for name, value in wanted.items()
        if name in before and name != "cuts" and _differ(name, before[name], value)
    ]
    for difference in different:
        if difference.name in _FIXED:
            raise LmcourseError(
                f"{folder} was trained with {difference}, which a resumed run cannot change: "
                f"resume with the same {difference.name}"
            )
    refused = [difference for difference in different if difference.name not in may_differ]
    if refused:
        names = " ".join(difference.name for difference in refused[:3])
        more = f" (and {len(refused) - 1} more)" if len(refused) > 1 else ""
        raise LmcourseError(
            f"{folder} was trained with {refused[0]}{more}: resume with the same, or accept what "
            f"has changed with --resume_changes {names}"
        )
    return different


def _differ(name: str, before: Any, after: Any) -> bool:
    unknown = name in _HASHED and None in (before, after)
    return before != after and not unknown


def _check_cuts(folder: Path, before: dict[str, Any], after: dict[str, Any]) -> None:
    """Refuse to count the steps of an epoch in another way.

    The rows of a step may be shared out over another number of processes.
    """
    names = [name for name in after if name in before and before[name] != after[name]]
    if _rows_per_step(before) == _rows_per_step(after):
        names = [name for name in names if name not in _ROWS]
    if names:
        was, now = (", ".join(f"{n} {cuts[n]}" for n in names[:3]) for cuts in (before, after))
        raise LmcourseError(
            f"{folder} was trained on a text cut with {was}, and cannot go on with {now}: resume "
            "with the batch size over all processes and the block_length that it began with"
        )


def _rows_per_step(cuts: dict[str, Any]) -> int | None:
    """How many rows all processes read together before they add up their gradients."""
    rows: list[Any] = [cuts.get(name) for name in _ROWS]
    return None if None in rows else math.prod(rows)
