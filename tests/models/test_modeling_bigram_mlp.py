"""The bigram network equals the assignment's equations and the gradients by hand."""

import pytest
import torch
from huggingface_hub.errors import StrictDataclassError
from torch import Tensor, nn
from torch.nn import functional

from hf_lmcourse import BigramMLPConfig, BigramMLPForCausalLM
from hf_lmcourse.kernels.bigram_gradients import BigramParameters, token_gradients

from .families import FAMILIES, VOCABULARY, assert_close, gradients, token_ids

FAMILY = next(family for family in FAMILIES if family.name == "bigram_mlp")
NAMES = {
    "W1": "model.hidden.projection.weight",
    "b1": "model.hidden.projection.bias",
    "W2": "lm_head.weight",
    "b2": "lm_head.bias",
}


def test_the_model_equals_the_librarys_parts_in_values_and_gradients() -> None:
    model, ids = FAMILY.random(), token_ids(3, 6)
    library = nn.Sequential(nn.Linear(12, 16), nn.Sigmoid(), nn.Linear(16, VOCABULARY)).double()
    ours = dict(model.named_parameters())
    theirs = dict(zip(NAMES.values(), library.parameters(), strict=True))
    for name, parameter in theirs.items():
        parameter.data.copy_(ours[name].data)
    expected = library(functional.embedding(ids, model.model.embed_tokens.weight.detach()))
    logits = model(ids).logits
    assert_close(logits, expected)
    slopes = torch.randn(logits.shape, generator=torch.Generator().manual_seed(5)).double()
    grads = gradients(model, (logits * slopes).sum())
    library_grads = torch.autograd.grad((expected * slopes).sum(), list(theirs.values()))
    assert_close(tuple(grads[name] for name in theirs), library_grads)


def test_the_gradients_by_hand_are_those_of_the_model() -> None:
    model, ids, targets = FAMILY.random(), token_ids(3, 6), token_ids(3, 6, seed=1)
    ours = {name: p.detach() for name, p in model.named_parameters()}
    parameters = BigramParameters(
        *(ours[name].t() if name.endswith("weight") else ours[name] for name in NAMES.values())
    )
    embeddings = ours["model.embed_tokens.weight"]
    loss, d_x, by_hand = token_gradients(embeddings[ids.flatten()], targets.flatten(), parameters)
    outputs = model(ids, shift_labels=targets)
    assert_close(loss, outputs.loss.detach(), 1e-9)
    expected = gradients(model, outputs.loss)
    for letter, name in NAMES.items():
        gradient: Tensor = getattr(by_hand, letter)
        assert_close(gradient.t() if gradient.ndim == 2 else gradient, expected[name], 1e-9)
    d_embeddings = torch.zeros_like(embeddings).index_add_(0, ids.flatten(), d_x)
    assert_close(d_embeddings, expected["model.embed_tokens.weight"], 1e-9)


def test_only_the_last_word_counts() -> None:
    model, ids = FAMILY.random(), token_ids(2, 7)
    assert_close(model(ids).logits[:, -1:], model(ids[:, -1:]).logits)


def test_the_assignment_has_its_number_of_parameters_without_word_vectors() -> None:
    model = BigramMLPForCausalLM(BigramMLPConfig(vocab_size=2_000))
    vectors = model.get_input_embeddings().weight.numel()
    assert sum(p.numel() for p in model.parameters()) - vectors == 104_550


def test_every_parameter_of_the_assignment_starts_from_a_standard_normal() -> None:
    torch.manual_seed(0)
    config = BigramMLPConfig(vocab_size=2_000, initialization="standard_normal")
    model = BigramMLPForCausalLM(config)
    for name in NAMES.values():
        drawn = model.get_parameter(name).detach()
        assert abs(drawn.mean()) < 0.5 and abs(drawn.std() - 1) < 0.3, name


def test_further_layers_and_a_frozen_output_are_refused() -> None:
    with pytest.raises((StrictDataclassError, ValueError), match="one hidden layer, not 2"):
        BigramMLPConfig(num_hidden_layers=2)
    with pytest.raises((StrictDataclassError, ValueError), match="freeze_vectors .*tied"):
        BigramMLPConfig(freeze_vectors=True, output_layer="tied")
