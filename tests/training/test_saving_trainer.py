"""What a Trainer writes: in one sentence if it cannot, and never NaN."""

import json
import math
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import SafetensorError
from torch import nn
from transformers import TrainingArguments

from hf_lmcourse import LmcourseError
from hf_lmcourse.training.arguments import RunArguments
from hf_lmcourse.training.saving_trainer import SavingTrainer


class Line(nn.Module):
    """One weight, and the loss that Trainer asks for."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"loss": (self.weight * x).sum()}


def trainer(folder: Path) -> SavingTrainer:
    args = TrainingArguments(
        str(folder), max_steps=2, save_steps=1, logging_steps=1, use_cpu=True, report_to=[]
    )
    return SavingTrainer(Line(), args, train_dataset=[{"x": torch.ones(1)}] * 4)


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "No space left on device"),
        SafetensorError("Error while serializing: No space left on device (os error 28)"),
        RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 64 vs 0"),
        Exception("No space left on device (os error 28)"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_disk_that_is_full_is_one_sentence_and_keeps_the_older_checkpoint(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = torch.save

    def full_at_the_second(content: Any, path: str, *args: Any, **options: Any) -> None:
        if "checkpoint-2" in str(path):
            raise error
        save(content, path, *args, **options)

    monkeypatch.setattr(torch, "save", full_at_the_second)
    with pytest.raises(LmcourseError, match="what was saved before is kept") as raised:
        trainer(tmp_path).train()
    assert raised.value.__cause__ is error
    assert (tmp_path / "checkpoint-1" / "trainer_state.json").exists()
    assert not (tmp_path / "checkpoint-2" / "trainer_state.json").exists()


def test_the_log_of_a_checkpoint_is_strict_json(tmp_path: Path) -> None:
    training = trainer(tmp_path)
    training.log({"loss": 1.0, "grad_norm": math.nan, "perplexity": math.inf})
    training.train()

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    text = (tmp_path / "checkpoint-2" / "trainer_state.json").read_text()
    assert json.loads(text, parse_constant=refuse)["global_step"] == 2


def test_the_access_token_is_in_no_pickle(tmp_path: Path) -> None:
    args = RunArguments(str(tmp_path), hub_token="a-secret", use_cpu=True)
    assert args.hub_token == "a-secret"
    assert b"a-secret" not in pickle.dumps(args)
