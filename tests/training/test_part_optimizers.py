"""Which optimizer trains which part, what a step is, and that a run resumes bit for bit."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import GPT2Config, GPT2LMHeadModel, Trainer

from hf_lmcourse import TransformerConfig, TransformerForCausalLM
from hf_lmcourse.errors import LmcourseError
from hf_lmcourse.models.module_causal_lm import ModuleConfig, ModuleForCausalLM
from hf_lmcourse.training.arguments import RunArguments
from hf_lmcourse.training.part_optimizers import (
    JointOptimizer,
    hidden_matrices,
    part_optimizers,
    word_vectors,
)

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


class OneLayer(torch.nn.Module):
    """A matrix, a bias, and no words."""

    def __init__(self, rows: int, columns: int) -> None:
        super().__init__()
        self.hidden = torch.nn.Linear(columns, rows)

    def get_output_embeddings(self) -> None:
        """There is none."""


def settings(**changes: Any) -> RunArguments:
    return RunArguments(use_cpu=True, **{"learning_rate": 0.1, "adam_beta2": 0.99} | changes)


@pytest.mark.parametrize("shape", [(6, 4), (3, 7)])
def test_two_steps_of_muon_are_those_of_the_equation(shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    model = OneLayer(*shape)
    weight, bias = model.hidden.weight, model.hidden.bias
    twin = torch.nn.Parameter(bias.detach().clone())
    adamw = torch.optim.AdamW([twin], 0.1, (0.9, 0.99), 1e-8, weight_decay=0.0)
    optimizer = part_optimizers(model, ["hidden.weight"], settings(optim="muon", weight_decay=0.5))
    expected, momentum = weight.detach().double(), torch.zeros(shape, dtype=torch.float64)
    coefficients = optimizer.param_groups[0]["ns_coefficients"]
    for _ in range(2):
        weight.grad, bias.grad = torch.randn(shape), torch.randn(shape[0])
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


TIED = {"lm_head.bias", "model.embed_tokens.weight"}


@pytest.mark.parametrize(
    ("changes", "vectors"),
    [
        ({"output_layer": "tied"}, TIED),
        ({"output_layer": "tied", "num_softmaxes": 2, "embedding_size": 4}, TIED),
        ({}, TIED | {"lm_head.weight"}),
    ],
)
@pytest.mark.parametrize("optim", ["adamw_torch", "rmsprop", "muon"])
def test_word_vectors_descend_the_gradient_and_the_rest_is_trained_as_without_them(
    optim: str, changes: dict[str, Any], vectors: set[str]
) -> None:
    model, twin = tiny_model(**changes), tiny_model(**changes)
    twin.load_state_dict(model.state_dict())
    assert word_vectors(model) == vectors
    args, decayed = settings(optim=optim, weight_decay=0.5), dict(model.named_parameters())
    usual = part_optimizers(twin, decayed, args)
    args.vectors_learning_rate = 3.0
    optimizer = part_optimizers(model, decayed, args)
    others = dict(twin.named_parameters())
    for _ in range(2):
        expected = {}
        for name, parameter in model.named_parameters():
            parameter.grad = torch.randn_like(parameter)
            others[name].grad = parameter.grad.clone()
            expected[name] = parameter.detach() - 3.0 * parameter.grad
        optimizer.step()
        usual.step()
        for name, parameter in model.named_parameters():
            wanted = expected[name] if name in vectors else others[name]
            torch.testing.assert_close(parameter, wanted, rtol=1e-6, atol=1e-6, msg=name)


def test_a_closure_is_called_once_and_with_gradients() -> None:
    weight, other = torch.nn.Parameter(torch.ones(2)), torch.nn.Parameter(torch.ones(2))
    optimizer = JointOptimizer(torch.optim.SGD([p], 0.5) for p in (weight, other))
    calls = []

    def closure() -> Tensor:
        calls.append(1)
        loss = (weight * other).sum()
        loss.backward()
        return loss

    with torch.no_grad():
        assert optimizer.step(closure) == 2.0
    assert calls == [1]
    assert torch.equal(weight, torch.full((2,), 0.5)) and torch.equal(weight, other)


@pytest.mark.parametrize(
    ("changes", "rates"),
    [
        ({"optim": "muon"}, {0.02}),
        ({"vectors_learning_rate": 3.0}, {0.02, 3.0}),
        ({"optim": "muon", "vectors_learning_rate": 3.0}, {0.02, 3.0}),
    ],
)
def test_a_run_uses_them_and_its_schedule_reaches_all(
    changes: dict[str, Any], rates: set[float], tmp_path: Path
) -> None:
    run = trainer(tmp_path, learning_rate=0.02, lr_scheduler_type="linear", **changes)
    before = {name: value.clone() for name, value in run.model.state_dict().items()}
    run.train()
    optimizer = run.optimizer.optimizer
    assert isinstance(optimizer, JointOptimizer)
    assert {group["initial_lr"] for group in optimizer.param_groups} == rates
    assert {group["lr"] for group in optimizer.param_groups} == {0.0}, "the end of the schedule"
    assert run.state.log_history[-1]["train_loss"] < 2.6
    for name, value in run.model.state_dict().items():
        assert not torch.equal(value, before[name]), name


def test_weight_decay_is_that_of_the_names() -> None:
    args = settings(optim="muon", weight_decay=0.3)
    groups = part_optimizers(tiny_model(), ["lm_head.weight"], args).param_groups
    assert sorted(("momentum" in g, g["weight_decay"]) for g in groups) == [
        (False, 0.0),
        (False, 0.3),
        (True, 0.0),
    ]


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({"optim": "muon"}, "optim muon, not adamw_torch"),
        ({"vectors_learning_rate": 3.0}, "vectors_learning_rate 3.0, not None"),
    ],
)
def test_a_resumed_run_goes_on_bit_for_bit(
    changes: dict[str, Any], refused: str, tmp_path: Path
) -> None:
    whole = fresh(tmp_path / "whole", **changes)
    whole.train()
    checkpoint = tmp_path / "whole" / "checkpoint-5"
    resumed = fresh(tmp_path / "resumed", **changes)
    resumed.train(resume_from_checkpoint=str(checkpoint))
    assert_identical(resumed, whole)
    assert refused in refusal(fresh(tmp_path / "other"), checkpoint)


def test_what_cannot_be_trained_in_parts_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model(output_layer="tied")
    of_a_model = (torch.optim.SGD, {"lr": 0.1, "model": model})  # its package need not be here
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "get_optimizer_cls_and_kwargs", lambda *_: of_a_model)
        with pytest.raises(LmcourseError, match="does not go with optim lomo"):
            part_optimizers(model, [], settings(optim="lomo", vectors_learning_rate=1.0))
    with pytest.raises(ValueError, match="leave vectors_learning_rate out"):
        settings(lbfgs_iterations=5, vectors_learning_rate=1.0)
    with pytest.raises(ValueError, match="vectors_learning_rate must be at least 0"):
        settings(vectors_learning_rate=-1.0)
    model.model.embed_tokens.requires_grad_(False)
    model.lm_head.requires_grad_(False)
    with pytest.raises(LmcourseError, match="trains no word vectors"):
        part_optimizers(model, [], settings(vectors_learning_rate=1.0))
    module = ModuleForCausalLM(ModuleConfig(vocab_size=VOCABULARY), model)
    with pytest.raises(LmcourseError, match="ModuleForCausalLM does not say which"):
        part_optimizers(module, [], settings(vectors_learning_rate=1.0))


def test_a_transformer_learns_with_it() -> None:
    torch.manual_seed(0)
    config = TransformerConfig(
        vocab_size=VOCABULARY, hidden_size=16, num_attention_heads=2, max_position_embeddings=12
    )
    model = TransformerForCausalLM(config)
    optimizer = part_optimizers(model, [], settings(optim="muon", learning_rate=0.02))
    ids = torch.randint(VOCABULARY, (2, 12))
    losses = []
    for _ in range(30):
        loss = model(input_ids=ids, labels=ids).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.3 * losses[0]
