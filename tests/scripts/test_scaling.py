"""What is varied is measured at every size, and processes share one training run."""

from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import scaling
from benchmarks.processes import WorkerGroup
from benchmarks.softmax import SoftmaxSetting
from benchmarks.tokens import block_cycle, zipf_tokens
from benchmarks.wikitext2_step import StepSetting, our_loop, our_model

STEP = StepSetting(vocabulary=30, width=8, streams=4, length=5, dropout=0.0, learning_rate=1.0)
TINY = scaling.ScalingSetting(
    texts=(200, 400),
    rows=4,
    block=5,
    softmax=SoftmaxSetting(tokens=10, width=16, vocabularies=(20, 40)),
    lengths=(16, 32),
    window=4,
    step=STEP,
)


def test_a_file_is_scored_whole(tmp_path: Path) -> None:
    tokens = zipf_tokens(151, TINY.vocabulary).astype(np.uint16)
    np.save(tmp_path / "tokens.npy", tokens)
    nats = scaling.score_file(TINY, tmp_path / "tokens.npy")()
    assert nats / 150 == pytest.approx(np.log(TINY.vocabulary), rel=0.2)


def test_patterns_differ_in_what_they_read_and_a_window_over_all_is_the_full_one() -> None:
    def hidden(pattern: str, window: int) -> torch.Tensor:
        return scaling.read_with_pattern(pattern, 32, window)()

    torch.testing.assert_close(hidden("local", 32), hidden("full", 4), rtol=1e-4, atol=1e-5)
    assert not torch.allclose(hidden("local", 4), hidden("full", 4), atol=1e-4)


@pytest.mark.slow
def test_two_processes_train_the_model_of_one() -> None:
    tokens = zipf_tokens(100, STEP.vocabulary)
    alone = our_loop(
        our_model(STEP, sampled=False),
        STEP,
        block_cycle(tokens, STEP.streams, STEP.length),
        bf16=False,
    )
    with WorkerGroup(partial(scaling.shared_step, STEP, tokens), 2, 1) as group:
        for _ in range(4):
            assert group.step() == pytest.approx(alone(), rel=1e-5)


class NoGroup(AbstractContextManager["NoGroup"]):
    """Replaces processes, which take time to start."""

    def __init__(self, work: object, processes: int, threads: int) -> None:
        self.step = lambda: processes * threads

    def __exit__(self, *exception: object) -> None: ...


@pytest.mark.slow
def test_rows_at_every_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scaling, "WorkerGroup", NoGroup)
    monkeypatch.setattr(scaling, "_LONGEST_WARMED_UP", 300)
    rows = list(scaling.scaling(6, TINY, memory=False))
    assert [len(row.seconds["ours"]) for row in rows[:2]] == [6, 5]
    assert [(row.variable, row.size) for row in rows] == [
        ("tokens", 200), ("tokens", 400), ("vocabulary", 20), ("vocabulary", 40),
        ("length", 16), ("length", 32), ("", None),
    ]  # fmt: skip
    assert list(rows[4].medians) == ["full", "local", "strided", "log_sparse"]
    assert list(rows[6].rates) == ["2 processes", "1 process", "1 process, 2 threads"]
