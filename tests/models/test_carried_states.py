"""States of models of several packages: found, detached, walked through."""

from typing import Any

import pytest
import torch
from torch import nn
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MambaConfig,
    MambaForCausalLM,
    RwkvConfig,
    RwkvForCausalLM,
)

from hf_lmcourse.models.carried_states import (
    detach_state,
    evaluating,
    state_argument,
    state_leaves,
    tokens_that_fit,
)

from .families import Family, every_family, token_ids


def rwkv(**changes: Any) -> RwkvForCausalLM:
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "attention_hidden_size": 16, "num_hidden_layers": 2}
    config = RwkvConfig(vocab_size=11, bos_token_id=0, eos_token_id=0, **sizes, **changes)
    return RwkvForCausalLM(config)


def gpt2(positions: int = 64) -> GPT2LMHeadModel:
    torch.manual_seed(0)
    sizes = {"n_embd": 16, "n_layer": 1, "n_head": 2, "n_positions": positions}
    return GPT2LMHeadModel(GPT2Config(vocab_size=11, bos_token_id=0, eos_token_id=0, **sizes))


def llama() -> LlamaForCausalLM:
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    return LlamaForCausalLM(LlamaConfig(vocab_size=11, num_attention_heads=2, **sizes))


def mamba() -> MambaForCausalLM:
    """It ignores a part of the state that it returns, which hardly matters in a new model."""
    torch.manual_seed(0)
    sizes = {"hidden_size": 8, "state_size": 4, "num_hidden_layers": 1}
    special = {"pad_token_id": 0, "bos_token_id": 0, "eos_token_id": 0}
    return MambaForCausalLM(MambaConfig(vocab_size=65, **sizes, **special))


@every_family
def test_a_model_of_the_package_says_whether_it_has_a_state(family: Family) -> None:
    expected = "past_key_values" if family.model_class.carries_state else None
    assert state_argument(family.initial()) == expected


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (rwkv(), "state"),
        (gpt2(), None),
        (gpt2(positions=8), None),
        (llama(), None),
        (mamba(), None),
    ],
    ids=["rwkv", "gpt2", "short", "llama", "mamba"],
)
@pytest.mark.parametrize("training", [True, False])
def test_any_other_is_tried(model: Any, name: str | None, training: bool) -> None:
    assert state_argument(model.train(training)) == name
    assert model.training is training


def test_a_state_that_is_only_nearly_right_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    model = rwkv()
    forward = model.forward

    def forgetful(*args: Any, state: Any = None, **kwargs: Any) -> Any:
        state = None if state is None else [0.9 * part for part in state]
        return forward(*args, state=state, **kwargs)

    monkeypatch.setattr(model, "forward", forgetful)
    assert state_argument(model) is None


@pytest.mark.parametrize("model", [rwkv(), gpt2()], ids=["rwkv", "gpt2"])
def test_a_detached_state_has_the_values_and_no_graph(model: Any) -> None:
    name = "state" if "state" in model(token_ids(2, 3), use_cache=True) else "past_key_values"
    state = model(token_ids(2, 3), use_cache=True)[name]
    before = [tensor.clone() for tensor in state_leaves(state)]
    assert any(tensor.requires_grad for tensor in before)
    after = state_leaves(detach_state(state))
    assert not any(tensor.requires_grad for tensor in after)
    torch.testing.assert_close(after, [tensor.detach() for tensor in before], rtol=0, atol=0)
    assert detach_state(None) is None


def test_a_part_that_is_kept_in_evaluation_mode_stays_so() -> None:
    model = nn.Sequential(nn.Dropout(), nn.Dropout()).train()
    model[1].eval()
    with evaluating(model):
        assert not any(module.training for module in model.modules())
    assert [module.training for module in model.modules()] == [True, True, False]


def test_a_model_of_another_package_is_tried_once() -> None:
    model, tried = gpt2(), list[int]()
    model.register_forward_hook(lambda *_: tried.append(1))
    assert state_argument(model) is None and tried
    tried.clear()
    assert state_argument(model) is None and tokens_that_fit(model, 3, 5) == 5
    assert not tried, "what was found is kept with the model"
    assert state_argument(rwkv()) == "state"
