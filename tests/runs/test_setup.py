"""What every run prints, and nothing else does."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import TrainerCallback, trainer

from hf_lmcourse.kernels import dispatch
from hf_lmcourse.runs.settings import read_settings
from hf_lmcourse.runs.start import prepare_run
from hf_lmcourse.runs.training_run import TrainingRun
from hf_lmcourse.training import arguments
from hf_lmcourse.training.callbacks import LineProgress


def prepared(
    folder: Path, model: str, corpus: str | dict[str, Any], **training: object
) -> TrainingRun:
    yaml = folder / "run.yaml"
    data = {"corpus": corpus} if isinstance(corpus, str) else corpus
    sections = {"model": {"model_type": model}, "data": data, "training": training}
    yaml.write_text(json.dumps(sections), encoding="utf-8")
    changes = {"output_dir": str(folder / "run"), "cache_dir": str(folder / "cache")}
    run = prepare_run(read_settings([str(yaml)], changes), ["lmcourse"])
    run.stop.release()
    return run


class TableOfANotebook(TrainerCallback):
    pass


def test_a_notebook_gets_our_lines_and_not_also_the_table_of_the_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer, "DEFAULT_PROGRESS_CALLBACK", TableOfANotebook)
    run = prepared(tmp_path, "lmcourse_dan", "toy_reviews")
    kinds = [type(callback) for callback in run.trainer.callback_handler.callbacks]
    assert LineProgress in kinds and TableOfANotebook not in kinds


@pytest.mark.parametrize("bf16", [False, True])
def test_a_run_knows_what_computes_its_recurrence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bf16: bool
) -> None:
    def in_half_precision(
        cell: str, batch: int, length: int, size: int, dtype: torch.dtype, grad: bool
    ) -> bool:
        assert (cell, batch, grad) == ("lstm", 32, True)
        return dtype == torch.bfloat16

    monkeypatch.setattr(dispatch, "library_is_faster", in_half_precision)
    for module in (arguments, dispatch):
        monkeypatch.setattr(module, "multiplies_bfloat16", lambda: True)
    monkeypatch.setattr(dispatch, "kernel", lambda name: object())
    text = tmp_path / "text.txt"
    text.write_text("a text of words\n" * 400, encoding="utf-8")
    batch = {"per_device_train_batch_size": 32}
    run = prepared(tmp_path, "lmcourse_lstm", str(text), bf16=bf16, **batch)
    assert run.backend == ("torch" if bf16 else "native")
    assert run.precision == ("bf16" if bf16 else "float32")


def test_a_run_without_a_recurrence_has_no_backend(tmp_path: Path) -> None:
    assert prepared(tmp_path, "lmcourse_dan", "toy_reviews").backend == ""


def test_a_classifier_trains_on_as_many_texts_as_the_settings_say_drawn_with_the_seed(
    tmp_path: Path,
) -> None:
    found = []
    for seed in (1, 1, 2):
        data = {"corpus": "toy_reviews", "max_training_texts": 20}
        run: Any = prepared(tmp_path, "lmcourse_dan", data, seed=seed)
        assert len(run.splits["train"]) == 20 == 2 * sum(run.splits["train"].labels)
        words = {word for text in run.corpus.splits["train"].texts for word in text.split()}
        known = set(run.tokenizer.get_vocab()) - {"<pad>", "<unk>"}
        assert known <= {word.lower() for word in words}
        found.append(run.corpus.splits["train"].texts)
    assert found[0] == found[1] != found[2]
