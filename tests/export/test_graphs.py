"""The graphs, run as ordinary modules: no exporter is needed to see that they compute the same."""

import pytest
import torch

from hf_lmcourse import DANConfig, DANForSequenceClassification
from hf_lmcourse.export.graphs import ClassifierGraph, SequenceGraph, StepGraph, state_parts

from ..models.families import Family, assert_close, every_family, token_ids


@every_family
def test_a_whole_text_has_the_models_logits(family: Family) -> None:
    model, ids = family.random(), token_ids(2, 9)
    assert_close(SequenceGraph(model)(ids), model(input_ids=ids).logits)


@every_family
def test_the_state_is_all_that_a_model_needs_of_the_text_before(family: Family) -> None:
    model, ids = family.random(), token_ids(2, 9)
    graph = StepGraph(model)
    state = tuple(part.start(2).double() for part in graph.parts)
    pieces = []
    for piece in ids.split([1, 3, 1, 4], dim=1):
        logits, *after = graph(piece, state)
        state = tuple(after)
        pieces.append(logits)
        assert len(state) == len(graph.parts)
    assert_close(torch.cat(pieces, dim=1), model(input_ids=ids).logits)


@every_family
def test_the_state_has_the_shapes_that_it_says(family: Family) -> None:
    model = family.random()
    graph = StepGraph(model)
    _, *state = graph(token_ids(2, 5), tuple(part.start(2, 4).double() for part in graph.parts))
    for part, tensor in zip(state_parts(model), state, strict=True):
        assert tensor.shape == part.start(2, 4 + 5).shape


@pytest.mark.parametrize("ngram_buckets", [0, 50])
@pytest.mark.parametrize("distinct", [False, True])
def test_a_masked_mean_is_the_mean_of_the_words(ngram_buckets: int, distinct: bool) -> None:
    torch.manual_seed(0)
    config = DANConfig(
        vocab_size=11,
        hidden_size=4,
        ngram_buckets=ngram_buckets,
        max_ngram=3,
        distinct_words=distinct,
        log_count_ratios=distinct,
    )
    model = DANForSequenceClassification(config).double().eval()
    for name, buffer in model.model.named_buffers():
        if name.endswith("ratios"):
            buffer.uniform_()
    ids, mask = token_ids(4, 6), token_ids(4, 6, seed=1, vocabulary=2)
    mask[0] = 0  # a text without a word
    assert_close(ClassifierGraph(model)(ids, mask), model(ids, attention_mask=mask).logits)
