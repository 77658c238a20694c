"""Trainer and SFTTrainer on ordinary data sets, and a loss of one's own."""

from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from torch.nn import functional
from transformers import DataCollatorForLanguageModeling, Trainer, TrainingArguments
from trl import SFTConfig, SFTTrainer

from hf_lmcourse.tokenization import CharacterTokenizer, WordTokenizer

from ..models.families import FAMILIES, Family, every_own_family

TEXT = "the cat sat on the mat.\na dog ran to the cat.\n" * 4
SETTINGS: dict[str, Any] = {
    "max_steps": 2,
    "per_device_train_batch_size": 4,
    "learning_rate": 1e-2,
    "report_to": "none",
    "use_cpu": True,
    "logging_steps": 1,
    "disable_tqdm": True,
    "save_strategy": "no",
}


def texts() -> Dataset:
    return Dataset.from_list([{"text": line} for line in TEXT.splitlines()])


def losses(trainer: Any) -> list[float]:
    trainer.train()
    return [log["loss"] for log in trainer.state.log_history if "loss" in log]


class OwnLoss(Trainer):
    """A loss and an accuracy from the logits."""

    accuracies: list[float]

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, **kwargs: Any
    ) -> Any:
        """Cross-entropy of the logits."""
        outputs = model(**inputs)
        logits, labels = outputs.logits[:, :-1].flatten(0, 1), inputs["labels"][:, 1:].flatten()
        hits = (logits.argmax(-1) == labels)[labels != -100]
        self.accuracies = [*getattr(self, "accuracies", []), hits.float().mean().item()]
        loss = functional.cross_entropy(logits, labels)
        torch.testing.assert_close(outputs.loss, loss)
        return (loss, outputs) if return_outputs else loss


@every_own_family
@pytest.mark.parametrize("kind", [Trainer, OwnLoss])
def test_trainer_on_an_ordinary_data_set(family: Family, kind: Any, tmp_path: Path) -> None:
    tokenizer = CharacterTokenizer.train(TEXT)
    data = texts().map(lambda row: tokenizer(row["text"]), remove_columns=["text"])
    trainer = kind(
        model=family.initial(vocab_size=len(tokenizer)),
        args=TrainingArguments(str(tmp_path), **SETTINGS),
        train_dataset=data,
        eval_dataset=data,
        data_collator=DataCollatorForLanguageModeling(tokenizer, mlm=False),
        processing_class=tokenizer,
    )
    first, second = losses(trainer)
    assert second < first
    assert trainer.evaluate()["eval_loss"] < first
    if kind is OwnLoss:
        assert all(0 <= accuracy <= 1 for accuracy in trainer.accuracies)


@every_own_family
@pytest.mark.parametrize("packing", [False, True])
@pytest.mark.filterwarnings("ignore")
def test_sft_trainer_with_words(family: Family, packing: bool, tmp_path: Path) -> None:
    tokenizer = WordTokenizer.train(TEXT)
    trainer = SFTTrainer(
        model=family.initial(vocab_size=len(tokenizer)),
        args=SFTConfig(str(tmp_path), max_length=16, packing=packing, bf16=False, **SETTINGS),
        train_dataset=texts(),
        processing_class=tokenizer,
    )
    first, second = losses(trainer)
    assert second < first
    assert any("mean_token_accuracy" in log for log in trainer.state.log_history)


@pytest.mark.filterwarnings("ignore")
def test_sft_trainer_with_characters_needs_a_token_that_ends_a_text(tmp_path: Path) -> None:
    tokenizer = CharacterTokenizer.train(TEXT)
    model = FAMILIES[1].initial(vocab_size=len(tokenizer))
    tokenizer.add_special_tokens({"eos_token": "<eos>"})
    tokenizer.split_special_tokens = False
    model.resize_token_embeddings(len(tokenizer))
    trainer = SFTTrainer(
        model=model,
        args=SFTConfig(str(tmp_path), max_length=64, bf16=False, **SETTINGS),
        train_dataset=texts(),
        processing_class=tokenizer,
    )
    assert trainer.train_dataset[0]["input_ids"][-1] == tokenizer.eos_token_id
    first, second = losses(trainer)
    assert second < first
