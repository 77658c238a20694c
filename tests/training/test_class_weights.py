"""Every class counts the same, however many texts it has."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hf_lmcourse import DANConfig, DANForSequenceClassification
from hf_lmcourse.data.ragged import RaggedTexts
from hf_lmcourse.training.class_weights import balanced_weights, initialise_class_weights

LABELS = [0, 1, 1, 2, 1, 1, 0]


def tiny(**changes: Any) -> DANForSequenceClassification:
    torch.manual_seed(0)
    sizes = {"vocab_size": 9, "embedding_size": 4, "hidden_size": 3, "word_dropout": 0.0}
    return DANForSequenceClassification(DANConfig(**{**sizes, "num_labels": 3, **changes})).double()


def texts() -> RaggedTexts:
    """A text of two words for each label."""
    words = np.random.default_rng(0).integers(1, 9, 2 * len(LABELS)).astype(np.int32)
    return RaggedTexts(words, np.arange(0, 2 * len(LABELS) + 1, 2), LABELS)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=1))
def test_the_weights_of_each_class_add_up_to_the_same(labels: list[int]) -> None:
    found = torch.tensor(labels)
    weights = balanced_weights(found, 4)
    for label in range(4):
        share = len(labels) / 4 if label in labels else 0.0
        assert weights[found[found == label]].sum().item() == pytest.approx(share)


def test_the_loss_is_that_of_texts_repeated_until_the_classes_are_equally_frequent() -> None:
    model = tiny(balance_classes=True).train()
    initialise_class_weights(model, texts())
    ids, labels = torch.tensor(texts().tokens).view(-1, 2).long(), torch.tensor(LABELS)
    times = torch.tensor([2, 1, 4])[labels]  # 2, 4 and 1 texts of the classes become four each
    repeated = ids.repeat_interleave(times, 0), labels.repeat_interleave(times)
    plain = tiny().train()(input_ids=repeated[0], labels=repeated[1]).loss
    torch.testing.assert_close(model(input_ids=ids, labels=labels).loss, plain)


def test_a_batch_in_two_parts_has_the_same_loss() -> None:
    model = tiny(balance_classes=True).train()
    initialise_class_weights(model, texts())
    ids, labels = torch.tensor(texts().tokens).view(-1, 2).long()[:6], torch.tensor(LABELS)[:6]
    parts = [model(input_ids=ids[at], labels=labels[at]).loss for at in (slice(3), slice(3, 6))]
    torch.testing.assert_close(model(input_ids=ids, labels=labels).loss, sum(parts) / 2)


def test_out_of_training_every_text_counts_the_same() -> None:
    model = tiny(balance_classes=True).eval()
    initialise_class_weights(model, texts())
    batch = {"input_ids": torch.tensor(texts().tokens).view(-1, 2).long()}
    labels = torch.tensor(LABELS)
    torch.testing.assert_close(
        model(**batch, labels=labels).loss, tiny().eval()(**batch, labels=labels).loss
    )


def test_the_weights_are_saved_with_the_model(tmp_path: Path) -> None:
    model = tiny(balance_classes=True)
    initialise_class_weights(model, texts())
    model.save_pretrained(tmp_path)
    again = DANForSequenceClassification.from_pretrained(tmp_path)
    torch.testing.assert_close(again.class_weights, model.class_weights)
    assert len(set(again.class_weights.tolist())) == 3


def test_nothing_is_counted_unless_the_config_says_so() -> None:
    model = tiny()
    initialise_class_weights(model, texts())
    assert not hasattr(model, "class_weights")
