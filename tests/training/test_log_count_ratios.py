"""The weights of words and n-grams are those of NB-SVM, counted on the training texts."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from torch import Tensor

from hf_lmcourse import DANConfig, DANForSequenceClassification, LmcourseError
from hf_lmcourse.data.ragged import RaggedTexts
from hf_lmcourse.evaluation.linear_baselines import LogCountRatio
from hf_lmcourse.training.log_count_ratios import initialise_ratios, signed_ratios

TEXTS = [[1, 2, 1], [2, 3], [1, 1, 3], [4]]
LABELS = [0, 1, 1, 0]


def log_count_ratios(counts: Tensor, smoothing: float = 1.0) -> Tensor:
    """The weights r_w: the largest |r_c(w)| over the classes."""
    return signed_ratios(counts, smoothing).abs().amax(0)


def ragged_texts(labels: Sequence[int] = LABELS) -> RaggedTexts:
    borders = np.cumsum([0, *map(len, TEXTS)])
    return RaggedTexts(np.concatenate(TEXTS), borders, list(labels))


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_of_two_classes_the_weight_is_the_size_of_the_ratio_of_nb_svm(data: st.DataObject) -> None:
    alpha = data.draw(st.sampled_from([0.5, 1.0, 10.0]))
    labels = [0, 1, *data.draw(st.lists(st.integers(0, 1), max_size=9))]
    row = st.lists(st.booleans(), min_size=4, max_size=4)
    rows = data.draw(st.lists(row, min_size=len(labels), max_size=len(labels)))
    X = sparse.csr_matrix(np.array(rows, dtype=float))
    expected = np.abs(LogCountRatio(alpha).fit(X, labels).r_)
    counts = torch.stack(
        [torch.tensor(X[np.array(labels) == c].sum(axis=0)).view(-1) for c in (0, 1)]
    )
    np.testing.assert_allclose(log_count_ratios(counts, alpha).numpy(), expected, atol=1e-12)


def test_of_three_classes_it_is_the_largest() -> None:
    counts = torch.tensor([[5.0, 0.0], [0.0, 5.0], [1.0, 1.0]])
    alone = [log_count_ratios(torch.stack([c, counts.sum(0) - c])) for c in counts]
    # each class against the sum of the others, whose counts get one 1 rather than two
    torch.testing.assert_close(log_count_ratios(counts), torch.stack(alone).amax(0))


@pytest.mark.parametrize("buckets", [0, 1_000_003])
def test_each_text_counts_an_entry_once(buckets: int) -> None:
    config = DANConfig(
        vocab_size=6, embedding_size=2, hidden_size=2, ngram_buckets=buckets, log_count_ratios=True
    )
    model = DANForSequenceClassification(config)
    initialise_ratios(model, ragged_texts())
    body = model.model
    words = torch.tensor([[0.0, 1, 1, 0, 1, 0], [0.0, 1, 1, 2, 0, 0]])
    torch.testing.assert_close(body.word_ratios, log_count_ratios(words).float())
    if buckets:
        found = [body.hashed_ngrams(torch.tensor(t), torch.tensor([len(t)])) for t in TEXTS]
        pairs = [ids.tolist() for ((ids, _),) in found]
        first, second = pairs[0]  # (1, 2) and (2, 1), in the first text alone
        n = torch.zeros(2, buckets)
        n[0, first] = n[0, second] = 1
        for pair in {*pairs[1], *pairs[2]}:
            n[1, pair] = 1
        torch.testing.assert_close(body.ngram_ratios, log_count_ratios(n).float())


def test_the_counts_are_smoothed_as_the_config_says() -> None:
    config = DANConfig(vocab_size=6, log_count_ratios=True, ratio_smoothing=10.0)
    model = DANForSequenceClassification(config)
    initialise_ratios(model, ragged_texts())
    body = model.model
    words = torch.tensor([[0.0, 1, 1, 0, 1, 0], [0.0, 1, 1, 2, 0, 0]])
    torch.testing.assert_close(body.word_ratios, log_count_ratios(words, 10.0).float())
    one_class = words.diff(dim=0)[0] != 0
    assert (body.word_ratios < log_count_ratios(words))[one_class].all()


def test_a_model_without_ratios_is_left_alone() -> None:
    model = DANForSequenceClassification(DANConfig(vocab_size=6))
    before = set(model.state_dict())
    initialise_ratios(model, ragged_texts())
    assert set(model.state_dict()) == before


SUM = {
    "vocab_size": 6,
    "num_hidden_layers": 0,
    "length_exponent": 0,
    "word_dropout": 0.0,
    "distinct_words": True,
    "log_count_ratios": True,
}


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("buckets", [0, 1_000_003])
def test_it_starts_as_a_scaled_naive_bayes_classifier(classes: int, buckets: int) -> None:
    settings = {"embedding_size": 4, "num_labels": classes, "ngram_buckets": buckets}
    model = DANForSequenceClassification(DANConfig(**SUM, **settings, naive_bayes_start=0.25))
    with torch.no_grad():
        model.classifier.weight.zero_()  # what is not set stays as it was
    texts = ragged_texts([0, 1, classes - 1, 0])
    initialise_ratios(model, texts)
    bags: list[list[list[Any]]] = [[sorted(set(text)) for text in TEXTS]]
    if buckets:
        bags.append([sorted(set(zip(text, text[1:], strict=False))) for text in TEXTS])
    log_odds = torch.zeros(len(TEXTS), classes, dtype=torch.float64)
    for bag, size in zip(bags, (6, buckets), strict=False):
        names = sorted({entry for text in bag for entry in text})
        counts = torch.zeros(classes, size)
        for text, label in zip(bag, texts.labels, strict=True):
            counts[label, [names.index(entry) for entry in text]] += 1
        for row, text in enumerate(bag):
            places = [names.index(entry) for entry in text]
            log_odds[row] += signed_ratios(counts)[:, places].sum(-1)
    logits = torch.cat([model(torch.tensor([words])).logits for words in TEXTS])
    found = (logits - model.classifier.bias).log_softmax(-1)
    torch.testing.assert_close(found, (0.25 * log_odds).log_softmax(-1).float())


def test_a_start_with_more_classes_than_the_vectors_have_entries_is_refused() -> None:
    config = DANConfig(**SUM, embedding_size=2, num_labels=3, naive_bayes_start=0.1)
    with pytest.raises(LmcourseError, match="embedding_size of at least the 3 classes, not 2"):
        initialise_ratios(DANForSequenceClassification(config), ragged_texts())
