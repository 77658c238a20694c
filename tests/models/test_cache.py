"""The cache layer keeps the state, goes back where asked, and is saved and restored exactly."""

from typing import Any

import pytest
import torch
from torch import Tensor
from transformers.cache_utils import DynamicCache, StaticCache

from hf_lmcourse.models.cache import RecurrentStateLayer, restore_state
from hf_lmcourse.models.carried_states import (
    detach_state,
    state_leaves,
    state_of_parts,
    state_parts,
)

from .families import Family, assert_close, every_family_with_a_state, gradients, token_ids


def steps(length: int, batch: int = 2) -> tuple[Tensor, Tensor]:
    """States of size 1 that name their row and step, with a cell ten times as large."""
    h = torch.arange(length).float().view(1, length, 1) + 100 * torch.arange(batch).view(-1, 1, 1)
    return h, 10 * h


def filled(length: int, record: bool) -> RecurrentStateLayer:
    layer = RecurrentStateLayer()
    if record:
        layer.activate_past_recording()
    h, c = steps(length)
    if not record:
        h, c = h[:, -1:], c[:, -1:]
    layer.update((h, c), length)
    return layer


def state_of(layer: RecurrentStateLayer) -> tuple[Tensor, ...]:
    assert layer.state is not None
    return layer.state


def test_an_empty_layer_has_no_state() -> None:
    layer = RecurrentStateLayer()
    assert layer.state is None
    assert layer.get_seq_length() == 0
    layer.crop(0)
    layer.batch_repeat_interleave(2)
    layer.batch_select_indices(torch.tensor([0]))
    assert layer.state is None


def test_the_last_state_is_kept_and_all_tokens_are_counted() -> None:
    layer = filled(5, record=False)
    assert [tensor.tolist() for tensor in state_of(layer)] == [[[4], [104]], [[40], [1040]]]
    layer.update(steps(1), length=1)
    assert layer.states is not None and layer.states[0].shape == (2, 1, 1)
    assert layer.get_seq_length() == 6
    assert layer.get_mask_sizes(3) == (9, 0)
    assert layer.get_max_length() == -1


@pytest.mark.parametrize("shapes", [[], [(3,)], [(3,), (3,), (1,), (2, 4)], [(0,)]])
def test_a_state_has_any_number_of_tensors_of_any_shapes(shapes: list[tuple[int, ...]]) -> None:
    layer = RecurrentStateLayer()
    layer.update(tuple(torch.ones(2, 1, *shape) for shape in shapes), length=4)
    layer.batch_repeat_interleave(2)
    layer.reorder_cache(torch.LongTensor([3, 1, 0]))
    assert [tensor.shape for tensor in state_of(layer)] == [(3, *shape) for shape in shapes]
    assert layer.get_seq_length() == 4


@pytest.mark.parametrize("removed", range(5))
def test_a_recorded_layer_goes_back(removed: int) -> None:
    layer = filled(5, record=True)
    layer.crop(-removed)
    assert state_of(layer)[0].tolist() == [[4 - removed], [104 - removed]]
    assert layer.get_seq_length() == 5 - removed
    assert layer.states is not None and layer.states[0].shape[1] == 1


def test_going_back_over_everything_forgets_the_state() -> None:
    layer = filled(5, record=True)
    layer.crop(-5)
    assert layer.state is None
    assert layer.get_seq_length() == 0


def test_recording_can_start_after_some_tokens() -> None:
    layer = filled(5, record=False)
    layer.activate_past_recording()
    h, c = steps(3)
    layer.update((h + 1000, c + 1000), length=3)
    layer.crop(-3)
    assert state_of(layer)[0].tolist() == [[4], [104]]
    assert layer.get_seq_length() == 5


def test_going_back_past_the_record_or_forward_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        filled(5, record=True).crop(3)
    with pytest.raises(ValueError, match="activate_past_recording"):
        filled(5, record=False).crop(-2)


def test_rows_are_repeated_selected_and_reordered() -> None:
    layer = filled(3, record=False)
    layer.batch_repeat_interleave(2)
    assert state_of(layer)[1].flatten().tolist() == [20, 20, 1020, 1020]
    layer.batch_select_indices(torch.tensor([3, 0]))
    assert [tensor.flatten().tolist() for tensor in state_of(layer)] == [[102, 2], [1020, 20]]
    layer.reorder_cache(torch.LongTensor([1, 0]))
    assert [tensor.flatten().tolist() for tensor in state_of(layer)] == [[2, 102], [20, 1020]]


def test_a_reset_forgets_without_overwriting() -> None:
    layer = filled(3, record=False)
    h = state_of(layer)[0]
    layer.reset()
    assert layer.state is None
    assert layer.get_seq_length() == 0
    assert h.tolist() == [[2], [102]]


@every_family_with_a_state
def test_transformers_builds_the_layer_from_the_config(family: Family) -> None:
    config = family.config()
    for cache in (DynamicCache(config=config), StaticCache(config=config, max_cache_len=4)):
        assert [type(layer) for layer in cache.layers] == (
            [RecurrentStateLayer] * len(config.layer_types)
        )


@every_family_with_a_state
def test_a_model_goes_back_and_reads_on(family: Family) -> None:
    model, ids, other = family.random(), token_ids(2, 7), token_ids(2, 3, seed=4)
    cache = DynamicCache(config=model.config)
    model(ids[:, :2], past_key_values=cache, use_cache=True)
    cache.activate_past_recording()
    model(ids[:, 2:], past_key_values=cache, use_cache=True)
    cache.crop(-3)
    logits = model(other, past_key_values=cache, use_cache=True).logits
    assert_close(logits, model(torch.cat([ids[:, :4], other], dim=1)).logits[:, 4:])


@every_family_with_a_state
def test_a_cache_that_does_not_know_the_model_is_refused(family: Family) -> None:
    with pytest.raises(ValueError, match="make it with DynamicCache"):
        family.random()(token_ids(2, 3), past_key_values=DynamicCache(), use_cache=True)


@every_family_with_a_state
def test_a_mask_of_queries_and_keys_is_refused(family: Family) -> None:
    ids = token_ids(2, 3)
    mask = torch.ones(len(ids), 1, ids.shape[1], ids.shape[1])
    with pytest.raises(ValueError, match="attention_mask must be"):
        family.random()(ids, attention_mask=mask)


@every_family_with_a_state
def test_a_cache_is_read_but_not_written_without_use_cache(family: Family) -> None:
    model, ids = family.random(), token_ids(2, 6)
    cache = model(ids[:, :4], use_cache=True).past_key_values
    logits = model(ids[:, 4:], past_key_values=cache, use_cache=False).logits
    assert_close(logits, model(ids).logits[:, 4:])
    assert cache.get_seq_length() == 4


@every_family_with_a_state
def test_a_detached_state_keeps_its_values_and_stops_the_gradient(family: Family) -> None:
    model, ids = family.random(), token_ids(2, 8)
    cache = model(ids[:, :5], use_cache=True).past_key_values
    before = state_leaves(cache)
    assert detach_state(cache) is cache
    after = state_leaves(cache)
    assert not any(tensor.requires_grad for tensor in after)
    torch.testing.assert_close(after, [tensor.detach() for tensor in before], rtol=0, atol=0)
    fresh = state_of_parts(model, "past_key_values", state_parts(cache))
    loss = model(ids[:, 5:], past_key_values=cache, use_cache=True).logits.sum()
    expected = model(ids[:, 5:], past_key_values=fresh, use_cache=True).logits.sum()
    assert_close(gradients(model, loss), gradients(model, expected))


@every_family_with_a_state
def test_a_state_is_restored_exactly_from_its_parts_and_from_earlier_files(family: Family) -> None:
    model, ids = family.random(), token_ids(2, 8)
    with torch.no_grad():
        cache: Any = model(ids[:, :5], use_cache=True).past_key_values
        parts = state_parts(cache)
        tensors = {
            f"{index}.{number}": tensor
            for index, layer in enumerate(cache.layers)
            for number, tensor in enumerate(layer.states or ())
        }
        expected = model(ids[:, 5:], past_key_values=cache, use_cache=True).logits
        for restored in (
            state_of_parts(model, "past_key_values", parts),
            restore_state(DynamicCache(config=model.config), tensors, 5),
        ):
            assert restored.get_seq_length() == 5
            logits = model(ids[:, 5:], past_key_values=restored, use_cache=True).logits
            assert torch.equal(logits, expected)
