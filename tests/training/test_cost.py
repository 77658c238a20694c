"""What a training costs is measured of the training alone."""

import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import TrainerCallback

from hf_lmcourse.training.cost import Footprint, peak_memory, reset_peak_memory

from .test_trainer import trainer


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux reports the peak")
def test_the_peak_is_seen_after_its_memory_is_given_back_and_forgotten_on_demand() -> None:
    reset_peak_memory()
    before = peak_memory()
    size = 200_000_000
    torch.ones(size, dtype=torch.uint8)
    after = peak_memory()
    reset_peak_memory()
    forgotten = peak_memory()
    assert before is not None and after is not None and forgotten is not None
    assert after - before > 0.8 * size
    assert after - forgotten > 0.8 * size


class SlowEvaluation(TrainerCallback):
    """An evaluation that takes its time."""

    def on_evaluate(self, *args: Any, **kwargs: Any) -> None:
        time.sleep(0.3)


def test_steps_are_counted_without_the_evaluations_between_them(tmp_path: Path) -> None:
    run = trainer(tmp_path, num_train_epochs=1, eval_strategy="steps", eval_steps=5)
    footprint = Footprint()
    run.add_callback(footprint)
    run.add_callback(SlowEvaluation())
    began = time.perf_counter()
    run.train()
    assert footprint.as_record()["steps"] == 13
    assert 0 < footprint.seconds < time.perf_counter() - began - 2 * 0.3
