"""What every family passes on its loss: plain cross-entropy, however it is computed."""

import math
from collections import Counter
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from .families import (
    OUTPUT_LAYERS,
    VOCABULARY,
    Family,
    assert_close,
    every_family,
    every_family_and_output_layer,
    every_family_with,
    gradients,
    left_padded,
    token_ids,
)


def some_labels(ids: Tensor) -> Tensor:
    """The ids with a few labels left out, a different number in each row."""
    labels = ids.clone()
    labels[0, :3] = -100
    labels[-1, 4] = -100
    return labels


def plain_loss(logits: Tensor, next_tokens: Tensor) -> Tensor:
    return functional.cross_entropy(logits.flatten(0, 1), next_tokens.flatten())


@every_family_and_output_layer
@pytest.mark.parametrize("wanted", [{}, {"skip_logits": False}, {"skip_logits": True}])
@pytest.mark.parametrize("training", [True, False])
def test_the_loss_is_plain_cross_entropy_in_value_and_gradient(
    family: Family, output_layer: str, wanted: dict[str, bool], training: bool
) -> None:
    model, ids = family.random(**OUTPUT_LAYERS[output_layer]).train(training), token_ids(3, 7)
    labels = some_labels(ids)
    outputs = model(ids, labels=labels, **wanted)
    logits = model(ids).logits
    if wanted.get("skip_logits"):
        assert outputs.logits is None
    else:
        assert_close(outputs.logits, logits)
    expected = plain_loss(logits[:, :-1], labels[:, 1:])
    assert_close(outputs.loss, expected)
    assert_close(gradients(model, outputs.loss), gradients(model, expected))


@every_family_and_output_layer
def test_shifted_labels_lose_no_token_at_the_border(family: Family, output_layer: str) -> None:
    model, stream = family.random(**OUTPUT_LAYERS[output_layer]), token_ids(2, 8)
    ids, next_tokens = stream[:, :-1], some_labels(stream[:, 1:])
    expected = plain_loss(model(ids).logits, next_tokens)
    loss = model(ids, shift_labels=next_tokens).loss
    assert_close(loss, expected)
    assert_close(model(ids, labels=ids, shift_labels=next_tokens).loss, expected)
    assert_close(gradients(model, loss), gradients(model, expected))


@every_family_with("full", "tied", "tied_with_projection")
def test_a_sample_of_the_vocabulary_is_for_training_only(family: Family, output_layer: str) -> None:
    def model(num_sampled: int | None) -> Any:
        return family.random(**OUTPUT_LAYERS[output_layer], num_sampled=num_sampled)

    ids = token_ids(1, 4)
    exact = model(None)(ids, labels=ids).loss
    assert_close(model(VOCABULARY).train()(ids, labels=ids).loss, exact)
    sampling = model(3)
    assert_close(sampling(ids, labels=ids).loss, exact)
    losses = {sampling.train()(ids, labels=ids).loss.item() for _ in range(20)}
    assert len(losses) > 1


@every_family_with("full", "tied", "tied_with_projection", "tied_mixture", "adaptive")
def test_sparse_gradients_are_the_dense_ones(family: Family, output_layer: str) -> None:
    sampled = {} if output_layer == "adaptive" else {"num_sampled": 4}
    ids, results = token_ids(2, 6), []
    for sparse in (True, False):
        settings = {**OUTPUT_LAYERS[output_layer], **sampled, "word_dropout": 0.3}
        model = family.random(**settings, sparse_gradients=sparse).train()
        torch.manual_seed(1)
        results.append(gradients(model, model(ids, labels=ids).loss))
    assert results[0]["model.embed_tokens.weight"].is_sparse
    assert_close({name: g.to_dense() for name, g in results[0].items()}, results[1])


@every_family
def test_labels_of_a_padded_row_give_the_loss_of_the_row_alone(family: Family) -> None:
    model = family.random()
    rows = [token_ids(1, length, seed=length)[0] for length in (4, 7)]
    ids, mask = left_padded(rows)
    labels = ids.masked_fill(mask == 0, -100)
    labels[0, 3] = -100  # the first real token has nothing before it that the row alone has
    total = sum(model(row[None], labels=row[None]).loss * (len(row) - 1) for row in rows)
    assert_close(model(ids, attention_mask=mask, labels=labels).loss, total / (3 + 6))


@every_family_and_output_layer
@pytest.mark.parametrize("as_tensor", [True, False])
def test_two_halves_of_a_batch_add_up_to_the_whole(
    family: Family, output_layer: str, as_tensor: bool
) -> None:
    model, ids = family.random(**OUTPUT_LAYERS[output_layer]).train(), token_ids(4, 7)
    labels = some_labels(ids)
    count: Any = (labels[:, 1:] != -100).sum()
    count = count if as_tensor else count.item()
    halves = torch.stack(
        [
            model(ids[rows], labels=labels[rows], num_items_in_batch=count).loss
            for rows in (slice(0, 2), slice(2, 4))
        ]
    ).sum()
    whole = model(ids, labels=labels).loss
    assert_close(halves, whole)
    assert_close(gradients(model, halves), gradients(model, whole))


@every_family_and_output_layer
def test_scored_tokens_add_up_to_the_loss(family: Family, output_layer: str) -> None:
    model, stream = family.random(**OUTPUT_LAYERS[output_layer]), token_ids(2, 9)
    ids, targets = stream[:, :-1], some_labels(stream[:, 1:])
    losses, hits, past = model.score_tokens(ids, targets)
    logits = model(ids).logits
    expected = functional.cross_entropy(logits.transpose(1, 2), targets, reduction="none")
    assert_close(losses, expected.detach())
    assert torch.equal(hits, logits.argmax(-1) == targets)
    first, _, carried = model.score_tokens(ids[:, :3], targets[:, :3])
    second, _, _ = model.score_tokens(ids[:, 3:], targets[:, 3:], carried)
    assert_close(torch.cat([first, second], dim=1), losses)
    assert past.get_seq_length() == ids.shape[1]
    warm, same, _ = model.score_tokens(ids, targets, temperature=1.7)
    expected = functional.cross_entropy(logits.transpose(1, 2) / 1.7, targets, reduction="none")
    assert_close(warm, expected.detach())
    assert torch.equal(same, hits)


def mean_guess_of_clusters(targets: Tensor, cutoffs: list[int], vocabulary: int) -> float:
    """The loss where every entry of the head, and every token of a cluster, is equally likely.

    An untrained adaptive softmax gives a whole cluster what it gives one frequent token.
    """
    nats = torch.full(targets.shape, math.log(cutoffs[0] + len(cutoffs)))
    for low, high in zip(cutoffs, [*cutoffs[1:], vocabulary], strict=True):
        nats[(targets >= low) & (targets < high)] += math.log(high - low)
    return nats.mean().item()


@every_family_and_output_layer
def test_an_untrained_model_guesses(family: Family, output_layer: str) -> None:
    model = family.initial(**OUTPUT_LAYERS[output_layer], vocab_size=50)
    ids = token_ids(8, 20, vocabulary=50)
    expected = math.log(50)
    if output_layer == "adaptive":
        expected = mean_guess_of_clusters(ids[:, 1:], model.config.adaptive_cutoffs, 50)
    assert model(ids, labels=ids).loss.item() == pytest.approx(expected, rel=0.1)


def least_loss(ids: Tensor, context: int | None) -> float:
    """The loss of a model that learnt from memory what follows every window of so many tokens.

    It is zero where no two windows are alike, and cannot be where one is followed by two tokens.
    """
    windows = []
    for row in ids.tolist():
        for t in range(1, len(row)):
            start = 0 if context is None else max(0, t - context)
            windows.append((tuple(row[start:t]), row[t]))
    contexts, pairs = Counter(window for window, _ in windows), Counter(windows)
    return -sum(math.log(pairs[pair] / contexts[pair[0]]) for pair in windows) / len(windows)


@every_family_and_output_layer
def test_a_batch_is_memorised(family: Family, output_layer: str) -> None:
    model, ids = family.initial(**OUTPUT_LAYERS[output_layer]).train(), token_ids(2, 8)
    optimizer = torch.optim.Adam(model.parameters(), lr=family.learning_rate)
    for _ in range(80):
        optimizer.zero_grad()
        loss = model(ids, labels=ids).loss
        loss.backward()
        optimizer.step()
    least = least_loss(ids, family.context)
    assert (least > 0.1) == (family.context == 1)
    assert least - 1e-5 < loss.item() < least + 0.1


@every_family_and_output_layer
@pytest.mark.parametrize("skip_logits", [True, False])
def test_bfloat16_autocast_stays_close_to_float32(
    family: Family, output_layer: str, skip_logits: bool
) -> None:
    model, ids = family.initial(**OUTPUT_LAYERS[output_layer]).train(), token_ids(3, 9)
    loss = model(ids, labels=ids).loss
    with torch.autocast("cpu", dtype=torch.bfloat16):
        low = model(ids, labels=ids, skip_logits=skip_logits).loss
    assert low.dtype == torch.float32
    assert low.item() == pytest.approx(loss.item(), rel=0.02)
    grads, low_grads = gradients(model, loss), gradients(model, low)
    assert low_grads.keys() == grads.keys()
    for name, grad in grads.items():
        assert low_grads[name].isfinite().all(), name
        assert (low_grads[name] - grad).norm() <= 0.05 * grad.norm() + 1e-3, name


@every_family
def test_the_loss_keeps_the_vocabulary_of_the_config(family: Family) -> None:
    model, ids = family.random(), token_ids(2, 5)
    assert model(ids, labels=ids, skip_logits=False).logits.shape == (2, 5, VOCABULARY)
