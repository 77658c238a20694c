"""Both sides of a public report compute the same, at the sizes that it names."""

import pytest
import torch
from torch import nn

from benchmarks import complaints
from benchmarks.dan_epoch import random_texts
from hf_lmcourse.layers.lstm import LSTMLayer

TINY = complaints.ReportedSetting(
    batch=2, length=7, width=5, reviews=3, words=12, vocabulary=40, embedding=4, hidden=6,
    dropout=0.0,
)  # fmt: skip


def copy_weights(ours: LSTMLayer, library: nn.LSTM, layer: int = 0) -> None:
    weights = library.all_weights[layer]
    with torch.no_grad():
        ours.input_projection.weight.copy_(weights[0])
        ours.recurrent_projection.weight.copy_(weights[1])
        ours.input_projection.bias.copy_(weights[2] + weights[3])


def test_two_layers_compute_what_the_library_does_and_keep_their_gradients() -> None:
    torch.manual_seed(0)
    library, ours = complaints._library_layers(TINY.width), complaints._our_layers(TINY.width)
    for index, layer in enumerate(ours):
        assert isinstance(layer, LSTMLayer)
        copy_weights(layer, library, index)
    x = torch.rand(TINY.batch, TINY.length, TINY.width)
    state = torch.rand(2, 2, TINY.batch, TINY.width)
    found = complaints.two_layers(ours, x, state)
    torch.testing.assert_close(found, complaints.two_layers(library, x, state))
    assert found.requires_grad


def test_both_classifiers_learn_the_same_from_the_same_weights() -> None:
    torch.manual_seed(0)
    library = nn.LSTM(TINY.embedding, TINY.hidden, batch_first=True)
    theirs = complaints.ReviewClassifier(TINY, library)
    ours = complaints.ReviewClassifier(TINY, LSTMLayer(TINY.embedding, TINY.hidden))
    ours.load_state_dict(
        {k: v for k, v in theirs.state_dict().items() if not k.startswith("lstm.")}, strict=False
    )
    copy_weights(ours.lstm, library)  # type: ignore[arg-type]
    ids, labels = complaints.padded_reviews(TINY)
    our_step, its_step = (complaints.review_step(m, ids, labels) for m in (ours, theirs))
    first = our_step()
    assert first == pytest.approx(its_step(), rel=1e-5)
    torch.testing.assert_close(ours.embedding.weight.grad, theirs.embedding.weight.grad)
    for _ in range(40):
        last = our_step()
    assert last < 0.7 * first


def test_reviews_are_padded_on_the_left_and_cut_to_their_end() -> None:
    setting = complaints.ReportedSetting(reviews=20, words=150)
    ids, labels = complaints.padded_reviews(setting)
    texts = random_texts(20)
    whole = [(texts[i]["input_ids"] % setting.vocabulary).tolist() for i in range(20)]  # type: ignore[operator]
    assert ids.tolist() == [[0] * (150 - len(text)) + text[-150:] for text in whole]
    assert {len(text) < 150 for text in whole} == {True, False}
    assert labels.tolist() == texts.labels and labels.dtype == torch.float32


def test_a_row_for_each_report_names_it_and_its_sizes() -> None:
    first, second = complaints.complaints(1, TINY)
    assert "#81634" in first.name and "#94457" in second.name
    assert list(first.medians) == list(second.medians) == ["ours", "torch.nn.LSTM"]
    assert first.aims == second.aims == {"torch.nn.LSTM": 1.0}
    setting = complaints.ReportedSetting()
    assert (setting.batch, setting.length, setting.width) == (8, 2_000, 256)
