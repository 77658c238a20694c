"""Several texts packed into one row, told apart by their positions."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from transformers import DataCollatorWithFlattening

from hf_lmcourse.models.packed_rows import PackedRows

from .families import (
    Family,
    assert_close,
    every_family,
    every_family_with_a_state,
    gradients,
    token_ids,
)

some_lengths = st.lists(st.integers(1, 5), min_size=1, max_size=4)


def positions(*lengths: int) -> Tensor:
    return torch.cat([torch.arange(length) for length in lengths])[None]


@every_family
@settings(max_examples=10, deadline=None)
@given(lengths=some_lengths)
def test_packed_texts_equal_the_texts_alone(family: Family, lengths: list[int]) -> None:
    model = family.random()
    texts = [token_ids(1, length, seed=length) for length in lengths]
    packed = model(torch.cat(texts, dim=1), position_ids=positions(*lengths)).logits
    alone = torch.cat([model(text).logits for text in texts], dim=1)
    assert_close(packed, alone)
    slopes = torch.randn(alone.shape, generator=torch.Generator().manual_seed(5)).double()
    assert_close(
        gradients(model, (packed * slopes).sum()), gradients(model, (alone * slopes).sum()), 1e-9
    )


@every_family
def test_the_loss_of_a_flattened_batch_is_that_of_its_texts(family: Family) -> None:
    model = family.random()
    texts = [token_ids(1, length, seed=length) for length in (4, 7)]
    batch = DataCollatorWithFlattening()([{"input_ids": text[0].tolist()} for text in texts])
    total = sum(model(text, labels=text).loss * (text.shape[1] - 1) for text in texts)
    for training in (False, True):
        assert_close(model.train(training)(**batch).loss, total / (3 + 6))


@every_family_with_a_state
def test_each_row_of_a_batch_has_its_own_texts(family: Family) -> None:
    model, ids = family.random(), token_ids(3, 6)
    rows = torch.cat([positions(6), positions(2, 4), positions(1, 2, 3)])
    outputs = model(ids, position_ids=rows, use_cache=True)
    assert outputs.past_key_values is None
    expected = [
        torch.cat([model(text).logits[0] for text in row[None].split(lengths, dim=1)])
        for row, lengths in zip(ids, ([6], [2, 4], [1, 2, 3]), strict=True)
    ]
    assert_close(outputs.logits, torch.stack(expected))
    shared = model(ids, position_ids=positions(2, 4)).logits
    assert_close(shared[1:2], outputs.logits[1:2])
    padded = rows.clone()
    padded[2, 3:] = 0  # where the third text was, there is padding now
    mask = torch.ones_like(ids)
    mask[2, 3:] = 0
    found = model(ids, attention_mask=mask, position_ids=padded).logits
    assert_close(found[mask == 1], outputs.logits[mask == 1])


@every_family_with_a_state
def test_packed_texts_cannot_go_on_from_a_state(family: Family) -> None:
    model, ids = family.random(), token_ids(1, 6)
    past = model(ids, use_cache=True).past_key_values
    with pytest.raises(ValueError, match="packed into one row"):
        model(ids, position_ids=positions(2, 4), past_key_values=past)
    plain = model(ids, position_ids=torch.arange(6, 12)[None], past_key_values=past).logits
    past = model(ids, use_cache=True).past_key_values
    assert_close(plain, model(ids, past_key_values=past).logits)


@given(lengths=st.lists(some_lengths, min_size=1, max_size=3))
@settings(max_examples=30, deadline=None)
def test_packing_is_the_inverse_of_unpacking(lengths: list[list[int]]) -> None:
    longest = max(map(sum, lengths))
    rows = torch.cat([positions(*row, *[1] * (longest - sum(row))) for row in lengths])
    x = torch.randn(len(rows), longest, 2)
    packed = PackedRows.of(rows, len(rows))
    if packed is None:
        assert all(len(row) == 1 for row in lengths)
        return
    unpacked = packed.unpack(x)
    assert unpacked.shape[1] == max(max(row) for row in lengths)
    assert torch.equal(packed.pack(unpacked), x)
