"""Muon: which weights it gets, what a step is, and that a resumed run goes on bit for bit."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import GPT2Config, GPT2LMHeadModel

from hf_lmcourse import TransformerConfig, TransformerForCausalLM
from hf_lmcourse.training.arguments import RunArguments
from hf_lmcourse.training.muon import MuonWithAdamW, hidden_matrices, muon_with_adamw

from .resumed_runs import assert_identical, fresh, refusal
from .test_trainer import VOCABULARY, tiny_model, trainer


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"output_layer": "tied"},
        {"output_layer": "adaptive", "adaptive_cutoffs": [4, 8]},
    ],
)
def test_embeddings_output_layer_and_vectors_are_left_to_adamw(changes: dict[str, Any]) -> None:
    assert hidden_matrices(tiny_model(num_hidden_layers=2, **changes)) == {
        f"model.layers.{layer}.{name}_projection.weight"
        for layer in (0, 1)
        for name in ("input", "recurrent")
    }


def test_projections_next_to_embeddings_are_hidden_matrices() -> None:
    model = tiny_model(output_layer="tied", embedding_size=4, num_softmaxes=1)
    assert "output_projection.weight" in hidden_matrices(model)
    frozen = tiny_model()
    frozen.model.layers[0].input_projection.weight.requires_grad_(False)
    assert hidden_matrices(frozen) == {"model.layers.0.recurrent_projection.weight"}


def test_models_of_other_packages_are_known_by_their_modules() -> None:
    sizes = {"n_embd": 8, "n_layer": 1, "n_head": 2, "vocab_size": VOCABULARY, "n_positions": 6}
    found = hidden_matrices(GPT2LMHeadModel(GPT2Config(**sizes)))
    assert found == {
        f"transformer.h.0.{name}.weight"
        for name in ("attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj")
    }


def zeroth_power(matrix: Tensor, coefficients: tuple[float, float, float]) -> Tensor:
    """Five Newton-Schulz iterations on the singular values, by the SVD in float64."""
    u, s, v = torch.linalg.svd(matrix.double(), full_matrices=False)
    s = s / s.norm()
    a, b, c = coefficients
    for _ in range(5):
        s = a * s + b * s**3 + c * s**5
    return u @ torch.diag(s) @ v


@pytest.mark.parametrize("shape", [(6, 4), (3, 7)])
def test_two_steps_are_those_of_the_equation(shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    weight, bias = torch.nn.Parameter(torch.randn(shape)), torch.nn.Parameter(torch.randn(3))
    twin = torch.nn.Parameter(bias.detach().clone())
    adamw = torch.optim.AdamW([twin], 0.1, (0.9, 0.99), 1e-8, weight_decay=0.0)
    groups = [
        {"params": [weight], "muon": True, "weight_decay": 0.5},
        {"params": [bias], "muon": False, "weight_decay": 0.0},
    ]
    optimizer = MuonWithAdamW(groups, 0.1, (0.9, 0.99), 1e-8)
    expected, momentum = weight.detach().double(), torch.zeros(shape, dtype=torch.float64)
    coefficients = optimizer.param_groups[0]["ns_coefficients"]
    for _ in range(2):
        weight.grad, bias.grad = torch.randn(shape), torch.randn(3)
        twin.grad = bias.grad.clone()
        before = weight.detach().double()
        momentum = 0.95 * momentum + 0.05 * weight.grad.double()
        nesterov = 0.95 * momentum + 0.05 * weight.grad.double()
        update = 0.2 * max(shape) ** 0.5 * zeroth_power(nesterov, coefficients)
        expected = (1 - 0.1 * 0.5) * before - 0.1 * update
        optimizer.step()
        adamw.step()
        # torch iterates in bfloat16, to 8 bits
        torch.testing.assert_close(weight.double(), expected, rtol=0, atol=0.04 * 0.1)
        assert torch.equal(bias, twin)


def test_a_run_uses_it_and_its_schedule_reaches_both(tmp_path: Path) -> None:
    run = trainer(tmp_path, optim="muon", learning_rate=0.02, lr_scheduler_type="linear")
    before = {name: value.clone() for name, value in run.model.state_dict().items()}
    run.train()
    optimizer = run.optimizer.optimizer
    assert isinstance(optimizer, MuonWithAdamW)
    assert {group["lr"] for group in optimizer.param_groups} == {0.0}, "the end of the schedule"
    assert run.state.log_history[-1]["train_loss"] < 2.6
    for name, value in run.model.state_dict().items():
        assert not torch.equal(value, before[name]), name
    args = RunArguments(optim="muon", weight_decay=0.3, use_cpu=True)
    groups = muon_with_adamw(tiny_model(), ["lm_head.weight"], args).param_groups
    assert sorted((g["muon"], g["weight_decay"]) for g in groups) == [
        (False, 0.0),
        (False, 0.3),
        (True, 0.0),
    ]


def test_a_resumed_run_goes_on_bit_for_bit(tmp_path: Path) -> None:
    whole = fresh(tmp_path / "whole", optim="muon")
    whole.train()
    checkpoint = tmp_path / "whole" / "checkpoint-5"
    resumed = fresh(tmp_path / "resumed", optim="muon")
    resumed.train(resume_from_checkpoint=str(checkpoint))
    assert_identical(resumed, whole)
    assert "optim muon, not adamw_torch" in refusal(fresh(tmp_path / "other"), checkpoint)


def test_a_transformer_learns_with_it() -> None:
    torch.manual_seed(0)
    config = TransformerConfig(
        vocab_size=VOCABULARY, hidden_size=16, num_attention_heads=2, max_position_embeddings=12
    )
    model = TransformerForCausalLM(config)
    optimizer = muon_with_adamw(
        model, [], RunArguments(optim="muon", learning_rate=0.02, use_cpu=True)
    )
    ids = torch.randint(VOCABULARY, (2, 12))
    losses = []
    for _ in range(30):
        loss = model(input_ids=ids, labels=ids).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.3 * losses[0]
