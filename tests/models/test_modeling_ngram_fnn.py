"""The n-gram network equals one built from the library's parts, with every option."""

from typing import Any

import pytest
import torch
from huggingface_hub.errors import StrictDataclassError
from torch import Tensor, nn
from torch.nn import functional

from hf_lmcourse import NGramFNNConfig, NGramFNNForCausalLM

from .families import FAMILIES, VOCABULARY, assert_close, gradients, token_ids

FAMILY = next(family for family in FAMILIES if family.name == "ngram_fnn")
VARIANTS: dict[str, dict[str, Any]] = {
    "bengio": {"num_hidden_layers": 1},
    "direct": {"num_hidden_layers": 1, "direct_connections": True},
    "deep": {"num_hidden_layers": 3},
    "plain deep": {"num_hidden_layers": 3, "residual": False, "hidden_act": "relu"},
    "deep and direct": {"num_hidden_layers": 2, "direct_connections": True},
    "bigram": {"context_size": 1, "hidden_act": "sigmoid"},
    "seven words": {"context_size": 7},
    "tied and direct": {
        "output_layer": "tied",
        "direct_connections": True,
        "num_hidden_layers": 1,
    },
}
every_variant = pytest.mark.parametrize("variant", VARIANTS)
ACTIVATIONS = {"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid}


def library_logits(model: NGramFNNForCausalLM, ids: Tensor) -> Tensor:
    """Logits from `nn.Linear` over windows that are put end to end one position at a time."""
    config: Any = model.config
    size, phi = config.embedding_size, ACTIVATIONS[config.hidden_act]
    linear = nn.Linear(config.context_size * size, config.hidden_size).double()
    weight = model.model.window.projection.weight
    newest_first = [weight[:, :, -1 - k] for k in range(config.context_size)]
    zeros = torch.zeros(len(ids), config.context_size - 1, size, dtype=torch.float64)
    x = torch.cat([zeros, functional.embedding(ids, model.model.embed_tokens.weight)], dim=1)
    steps = []
    for t in range(config.context_size - 1, x.shape[1]):
        window = torch.cat([x[:, t - k] for k in range(config.context_size)], dim=-1)
        values = {
            "weight": torch.cat(newest_first, dim=1),
            "bias": model.model.window.projection.bias,
        }
        h = phi(torch.func.functional_call(linear, values, (window,)))
        for layer in model.model.layers:
            W, b = layer.projection.weight, layer.projection.bias
            if config.residual:
                norm = (layer.norm.normalized_shape, layer.norm.weight, layer.norm.bias)
                h = h + phi(functional.linear(functional.layer_norm(h, *norm), W, b))
            else:
                h = phi(functional.linear(h, W, b))
        steps.append(torch.cat([h, window], dim=-1) if config.direct_connections else h)
    hidden = torch.stack(steps, dim=1)
    if config.output_layer == "tied":
        hidden = functional.linear(hidden, model.output_projection.weight)
    return functional.linear(hidden, model.lm_head.weight, model.lm_head.bias)


@every_variant
def test_the_model_equals_the_librarys_parts_in_values_and_gradients(variant: str) -> None:
    model, ids = FAMILY.random(**VARIANTS[variant]), token_ids(3, 6)
    logits, expected = model(ids).logits, library_logits(model, ids)
    assert_close(logits, expected)
    slopes = torch.randn(logits.shape, generator=torch.Generator().manual_seed(5)).double()
    assert_close(
        gradients(model, (logits * slopes).sum()), gradients(model, (expected * slopes).sum()), 1e-9
    )


@every_variant
def test_a_stream_in_pieces_equals_one_pass(variant: str) -> None:
    model, ids = FAMILY.random(**VARIANTS[variant]), token_ids(2, 9)
    pieces, past = [], None
    for start, end in ((0, 1), (1, 2), (2, 6), (6, 9)):
        outputs = model(ids[:, start:end], past_key_values=past, use_cache=True)
        past = outputs.past_key_values
        pieces.append(outputs.logits)
    assert_close(torch.cat(pieces, dim=1), model(ids).logits)


@every_variant
def test_generation_with_a_cache_equals_generation_without(variant: str) -> None:
    model, ids = FAMILY.random(std=1.5, **VARIANTS[variant]), token_ids(2, 5)
    for beams in (1, 3):
        options = {"max_new_tokens": 8, "do_sample": False, "num_beams": beams}
        cached, recomputed = (
            model.generate(ids, attention_mask=torch.ones_like(ids), use_cache=c, **options)
            for c in (True, False)
        )
        assert torch.equal(cached, recomputed)


@pytest.mark.parametrize("context_size", [1, 2, 4])
def test_nothing_but_the_window_counts_and_all_of_it_does(context_size: int) -> None:
    model, ids = FAMILY.random(context_size=context_size), token_ids(1, 8)
    logits = model(ids).logits[:, -1]
    for t in range(8):
        changed = ids.clone()
        changed[:, t] = (changed[:, t] + 1) % VOCABULARY
        same = torch.allclose(model(changed).logits[:, -1], logits)
        assert same == (t < 8 - context_size)


@pytest.mark.parametrize(("context_size", "carried"), [(1, 0), (2, 1), (4, 3)])
def test_the_cache_holds_just_what_the_next_word_needs(context_size: int, carried: int) -> None:
    model, ids = FAMILY.random(context_size=context_size), token_ids(2, 6)
    layer = model(ids, use_cache=True).past_key_values.layers[0]
    expected = model.model.embed_tokens(ids)[:, 6 - carried :].flip(1).flatten(1)
    assert layer.states[0].shape == (2, 1, carried * model.config.embedding_size)
    assert_close(layer.states[0][:, 0], expected)


def test_further_layers_start_as_normalised_additions() -> None:
    model: Any = FAMILY.initial(num_hidden_layers=2)
    norm = model.model.layers[0].norm
    assert torch.equal(norm.weight, torch.ones(16)) and torch.equal(norm.bias, torch.zeros(16))
    assert model.model.window.projection.weight.abs().max() <= 36**-0.5
    assert model.model.layers[0].projection.weight.abs().max() <= 16**-0.5


BAD_SETTINGS: dict[str, tuple[dict[str, Any], str]] = {
    "no context": ({"context_size": 0}, "context_size must be at least 1, not 0"),
    "no layer": ({"num_hidden_layers": 0}, "num_hidden_layers must be at least 1"),
    "hidden dropout": ({"hidden_dropout": 1.0}, "hidden_dropout must be .* below 1"),
    "no such activation": ({"hidden_act": "gelu"}, "hidden_act"),
    "a frozen output": (
        {"freeze_vectors": True, "output_layer": "tied"},
        "freeze_vectors .*tied",
    ),
}


@pytest.mark.parametrize("case", BAD_SETTINGS)
def test_bad_settings_are_refused_by_name(case: str) -> None:
    changes, message = BAD_SETTINGS[case]
    with pytest.raises((StrictDataclassError, ValueError), match=message):
        NGramFNNConfig(**changes)
