"""Windows predict every token once, with the context that was promised."""

from typing import Any

import numpy as np
import pytest
import torch
from accelerate.data_loader import BatchSamplerShard
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.utils.data import BatchSampler, SequentialSampler

from hf_lmcourse import LmcourseError
from hf_lmcourse.data import TokenWindows

FIRST = 7_777
"""Context of the first token; the corpora below count upwards from 0, so it is no token."""


@st.composite
def windows(draw: st.DrawFn, **options: Any) -> TokenWindows:
    length = draw(st.integers(1, 60))
    first_context = draw(st.sampled_from([FIRST, None]))
    assume(length > (first_context is None))
    window = draw(st.integers(1, 12))
    return TokenWindows(
        np.arange(length, dtype=np.uint16),
        window,
        draw(st.integers(1, window)),
        draw(st.integers(1, 5)),
        first_context,
        **{name: draw(strategy) for name, strategy in options.items()},
    )


def all_items(dataset: TokenWindows) -> tuple[Tensor, Tensor]:
    items = [dataset[i] for i in range(len(dataset))]
    inputs, labels = (torch.stack([item[n] for item in items]) for n in ("input_ids", "labels"))
    return inputs, labels


@settings(deadline=None)
@given(windows())
def test_every_token_is_predicted_once_and_in_order(dataset: TokenWindows) -> None:
    _, labels = all_items(dataset)
    first = dataset.first_context is None
    assert labels[labels != -100].tolist() == list(range(first, len(dataset.tokens)))


@settings(deadline=None)
@given(windows())
def test_a_label_follows_its_input_and_has_the_context_before_it(dataset: TokenWindows) -> None:
    for inputs, labels in zip(*all_items(dataset), strict=True):
        assert len(inputs) == dataset.window
        for t in (labels != -100).nonzero().flatten().tolist():
            before = inputs[: t + 1].tolist()
            target = int(labels[t])
            expected = [n if n >= 0 else FIRST for n in range(target - len(before), target)]
            assert before == expected
            assert len(before) >= min(
                target + (dataset.first_context is not None), dataset.window - dataset.stride + 1
            )


@settings(deadline=None)
@given(windows(shuffle=st.booleans(), random_offset=st.booleans(), seed=st.integers(0, 3)))
def test_every_epoch_predicts_every_token_once_in_an_order_of_its_own(
    dataset: TokenWindows,
) -> None:
    first = dataset.first_context is None
    for epoch in (0, 1, 7):
        dataset.set_epoch(epoch)
        _, labels = all_items(dataset)
        assert sorted(labels[labels != -100].tolist()) == list(range(first, len(dataset.tokens)))
        dataset.set_epoch(3)
        dataset.set_epoch(epoch)
        assert torch.equal(all_items(dataset)[1], labels)


def test_epochs_and_seeds_differ() -> None:
    def order(seed: int, epoch: int, **options: bool) -> list[list[int]]:
        dataset = TokenWindows(np.arange(500), 5, seed=seed, first_context=FIRST, **options)
        dataset.set_epoch(epoch)
        return all_items(dataset)[1].tolist()

    for options in ({"shuffle": True}, {"random_offset": True}):
        assert order(0, 0, **options) != order(0, 1, **options)
        assert order(0, 0, **options) != order(1, 0, **options)
    assert order(0, 0) == order(1, 1)


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_no_process_gets_a_window_of_another(processes: int) -> None:
    dataset = TokenWindows(np.arange(101), 8, 4, rows=2 * processes, first_context=FIRST)
    batches = BatchSampler(SequentialSampler(dataset), 2, drop_last=False)
    seen = [
        index
        for process in range(processes)
        for batch in BatchSamplerShard(batches, processes, process)
        for index in batch
    ]
    assert sorted(seen) == list(range(len(dataset)))


@pytest.mark.parametrize("sizes", [(0, None), (4, 0), (4, 5)])
def test_sizes_that_make_no_sense_are_refused(sizes: tuple[int, int | None]) -> None:
    with pytest.raises(LmcourseError, match="the stride must be at least 1 and at most the window"):
        TokenWindows(np.arange(9), *sizes)


def test_a_text_with_nothing_to_predict_is_refused() -> None:
    with pytest.raises(LmcourseError, match="no token to predict"):
        TokenWindows(np.arange(1), 4)


def test_an_item_that_is_not_there_is_refused() -> None:
    with pytest.raises(IndexError):
        TokenWindows(np.arange(9), 4)[5]
