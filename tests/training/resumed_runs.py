"""A tiny run that is resumed, for the tests of checkpoints."""

from pathlib import Path
from typing import Any

import pytest
import torch

from hf_lmcourse import LmcourseError
from hf_lmcourse.training.trainer import StreamTrainer

from .test_trainer import tiny_model, trainer

SETTINGS: dict[str, Any] = {
    "optim": "adamw_torch",
    "lr_scheduler_type": "linear",
    "learning_rate": 0.01,
    "weight_decay": 0.1,
    "max_grad_norm": 1.0,
    "save_strategy": "steps",
    "save_steps": 5,
    "logging_steps": 1,
    "max_steps": 8,
}
DROPOUT = {"output_dropout": 0.5, "recurrent_dropout": 0.3}


def fresh(folder: Path, **changes: Any) -> StreamTrainer:
    return trainer(folder, tiny_model(**DROPOUT), **SETTINGS | changes)


def assert_identical(run: StreamTrainer, expected: StreamTrainer) -> None:
    for name, value in expected.model.state_dict().items():
        assert torch.equal(run.model.state_dict()[name], value), name


def refusal(run: StreamTrainer, checkpoint: Path) -> str:
    """The one sentence with which a checkpoint is refused."""
    with pytest.raises(LmcourseError) as raised:
        run.train(resume_from_checkpoint=str(checkpoint))
    message = str(raised.value).replace(str(checkpoint.parent), "")
    assert len(message) < 300 and "\n" not in message
    return message
