"""A loss that is not a number stops the training of a classifier, and nothing bad is saved."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import TrainingArguments

from hf_lmcourse import DANConfig, DANForSequenceClassification, LmcourseError
from hf_lmcourse.data.ragged import RaggedTexts, ragged_batch
from hf_lmcourse.training.sparse_gradients import SparseGradientTrainer


def trainer(folder: Path, **changes: Any) -> SparseGradientTrainer:
    torch.manual_seed(0)
    config = DANConfig(vocab_size=9, embedding_size=4, hidden_size=5, num_labels=2)
    tokens = np.arange(24, dtype=np.int32) % 9
    texts = RaggedTexts(tokens, np.arange(0, 25, 3), [0, 1] * 4)
    settings: dict[str, Any] = {
        "max_steps": 6,
        "per_device_train_batch_size": 4,
        "report_to": [],
        "use_cpu": True,
        "disable_tqdm": True,
        "remove_unused_columns": False,
        **changes,
    }
    return SparseGradientTrainer(
        model=DANForSequenceClassification(config),
        args=TrainingArguments(str(folder), **settings),
        train_dataset=texts,
        eval_dataset=texts,
        data_collator=ragged_batch,
    )


def poison(run: SparseGradientTrainer, step: int, value: float) -> None:
    """Spoil a weight right after a step."""
    make = run.training_step

    def training_step(model: Any, *args: Any, **kwargs: Any) -> torch.Tensor:
        loss = make(model, *args, **kwargs)
        if run.state.global_step + 1 == step:
            model.classifier.bias.data[0] = value
        return loss

    run.training_step = training_step  # type: ignore[method-assign]


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_training_stops_at_the_step_whose_loss_is_not_a_number(
    value: float, tmp_path: Path
) -> None:
    run = trainer(tmp_path, save_steps=2)
    poison(run, 3, value)
    with pytest.raises(LmcourseError, match="the loss became nan at step 4 .*lower learning_rate"):
        run.train()
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-2"]
    assert all("loss" not in log for log in run.state.log_history), "no mean in place of the loss"


def test_weights_that_are_not_numbers_are_neither_saved_nor_evaluated(tmp_path: Path) -> None:
    for changes in ({"save_steps": 2}, {"eval_strategy": "steps", "eval_steps": 2}):
        run = trainer(tmp_path, **changes)
        poison(run, 2, math.nan)
        with pytest.raises(LmcourseError, match="the loss became nan at step 2 "):
            run.train()
    assert not list(tmp_path.iterdir())


def test_an_evaluation_whose_loss_is_not_a_number_is_refused(tmp_path: Path) -> None:
    run = trainer(tmp_path)
    assert math.isfinite(run.evaluate()["eval_loss"])
    with torch.no_grad():
        for weights in run.model.parameters():  # type: ignore[union-attr]
            weights.fill_(1e30)
    with pytest.raises(LmcourseError, match="the loss became nan at step 0"):
        run.evaluate()


def test_the_remedy_is_that_of_the_cause(tmp_path: Path) -> None:
    run = trainer(tmp_path)
    with torch.no_grad():
        run.model.get_input_embeddings().weight[1] = math.nan  # type: ignore[union-attr]
    with pytest.raises(LmcourseError, match="at step 1 .*check the file of word vectors") as caught:
        run.train()
    assert "learning_rate" not in str(caught.value)
    run = trainer(tmp_path, max_grad_norm=0.0)
    poison(run, 1, math.nan)
    with pytest.raises(LmcourseError, match="lower learning_rate or set max_grad_norm"):
        run.train()
