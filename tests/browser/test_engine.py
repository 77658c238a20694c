"""The page's logits are the model's, with the same rounded weights."""

from typing import Any

import numpy as np
import pytest
import torch

from hf_lmcourse import CharacterTokenizer, DANConfig, DANForSequenceClassification
from hf_lmcourse.browser.weight_rounding import ROUNDINGS, Rounding, rounded_model
from hf_lmcourse.inspection.classifier_errors import word_contributions
from hf_lmcourse.models.transformer.windowed_generation import window_start

from ..models.families import FAMILIES, OUTPUT_LAYERS, VOCABULARY, every_own_family, token_ids
from .engine import Engine

TOKENIZER = CharacterTokenizer.train("abcdefghi")  # and two special tokens


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine()


def random_model(family: Any, **changes: Any) -> Any:
    return family.random(**changes).float()


@torch.no_grad()
def check_logits(engine: Engine, model: Any, rounding: Rounding = "float32") -> None:
    """The page's logits of a text, read in two pieces, are those of the rounded model."""
    engine.load(model, TOKENIZER, rounding)
    ids = token_ids(1, 30, seed=3)
    expected = rounded_model(model, rounding)(input_ids=ids).logits[0]
    engine.begin()
    pieces = [engine.logits(piece) for piece in (ids[0, :11].tolist(), ids[0, 11:].tolist())]
    np.testing.assert_allclose(np.concatenate(pieces), expected, rtol=0, atol=1e-4)


@every_own_family
@pytest.mark.parametrize("rounding", ROUNDINGS)
def test_logits_are_those_of_the_model(engine: Engine, family: Any, rounding: Rounding) -> None:
    check_logits(engine, random_model(family, std=0.3), rounding)


@pytest.mark.parametrize("output_layer", OUTPUT_LAYERS)
def test_every_output_layer_is_that_of_the_model(engine: Engine, output_layer: str) -> None:
    (lstm,) = (family for family in FAMILIES if family.name == "lstm")
    check_logits(engine, random_model(lstm, **OUTPUT_LAYERS[output_layer]))


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("char_rnn", {"hidden_act": "sigmoid"}),
        ("char_rnn", {"hidden_act": "relu"}),
        ("lstm", {"capped_input_gate": True}),
        ("ngram_fnn", {"direct_connections": True}),
        ("ngram_fnn", {"residual": False, "context_size": 1}),
        ("ngram_fnn", {"direct_connections": True, "output_layer": "tied"}),
        ("transformer", {"hidden_act": "swiglu"}),
        ("transformer", {"hidden_act": "relu", "embedding_size": 16}),
        ("transformer", {"position_embedding_type": "sinusoidal"}),
        ("transformer", {"position_embedding_type": "rotary", "rope_theta": 500.0}),
        ("transformer", {"attention_pattern": "local", "attention_window": 3}),
        ("transformer", {"attention_pattern": "strided", "attention_window": 4}),
        ("transformer", {"attention_pattern": "log_sparse"}),
    ],
)
def test_every_setting_of_the_equations_is_that_of_the_model(
    engine: Engine, name: str, changes: dict[str, Any]
) -> None:
    (family,) = (family for family in FAMILIES if family.name == name)
    check_logits(engine, random_model(family, std=0.3, **changes))


@torch.no_grad()
def test_a_transformer_without_its_mask_is_that_of_the_model(engine: Engine) -> None:
    model = random_model(FAMILIES[-1], std=0.3, is_causal=False)
    engine.load(model, TOKENIZER)
    ids = token_ids(1, 20, seed=3)
    found = engine.eval(
        f"model.readWhole({ids[0].tolist()}, UNCHANGED).map(({{output}}) => "
        "Array.from(model.logits(output)))"
    )
    np.testing.assert_allclose(found, model(input_ids=ids).logits[0], rtol=0, atol=1e-4)


@torch.no_grad()
def test_a_long_text_is_read_in_the_windows_of_generation(engine: Engine) -> None:
    model = random_model(FAMILIES[-1], std=0.3, max_position_embeddings=8)
    engine.load(model, TOKENIZER)
    ids = token_ids(1, 30, seed=3)
    engine.begin()
    found = engine.logits(ids[0].tolist())
    for length in range(1, 31):
        window = ids[:, window_start(length, 8) : length]
        expected = model(input_ids=window).logits[0, -1]
        np.testing.assert_allclose(found[length - 1], expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"num_hidden_layers": 0},
        {"hidden_act": "gelu", "num_hidden_layers": 2},
        {"distinct_words": True, "log_count_ratios": True},
        {"length_exponent": 0.5},
        {"ngram_buckets": 7, "max_ngram": 4, "log_count_ratios": True},
        {"ngram_buckets": 50, "max_ngram": 3, "distinct_words": True},
    ],
)
@pytest.mark.parametrize("rounding", ROUNDINGS)
@torch.no_grad()
def test_an_averaging_network_classifies_as_the_model(
    engine: Engine, changes: dict[str, Any], rounding: Rounding
) -> None:
    model = random_classifier(**changes)
    engine.load(model, TOKENIZER, rounding)
    for length in (0, 1, 2, 12):
        ids = token_ids(1, max(1, length), seed=length)[:, :length]
        found = engine.eval(f"Array.from(model.classify({ids[0].tolist()}).logits)")
        rounded: Any = rounded_model(model, rounding)
        expected = rounded(input_ids=ids[0], lengths=torch.tensor([length])).logits[0]
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    "changes", [{}, {"distinct_words": True}, {"ngram_buckets": 20, "max_ngram": 2}]
)
def test_contributions_are_those_of_leaving_a_word_out(
    engine: Engine, changes: dict[str, Any]
) -> None:
    model = random_classifier(**changes)
    engine.load(model, TOKENIZER)
    words = [4, 5, 4, 9, 7]
    predicted = engine.eval(f"likeliest(model.classify({words}).logits, 1)[0].id")
    found = engine.eval(f"model.contributions({words}, {predicted})")
    expected = word_contributions(model, torch.tensor(words)).leave_one_out
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)


def random_classifier(**changes: Any) -> DANForSequenceClassification:
    settings = {"vocab_size": VOCABULARY, "embedding_size": 6, "hidden_size": 5, "num_labels": 3}
    config = DANConfig(**{**settings, "num_hidden_layers": 1, **changes})
    model = DANForSequenceClassification(config).eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for tensor in model.state_dict().values():
            if tensor.is_floating_point():
                tensor.normal_(std=0.7, generator=generator)
    return model
