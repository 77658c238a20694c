"""`generate` by a kernel: the tokens of transformers' own loop."""

from typing import Any

import pytest
import torch
from transformers import DynamicCache
from transformers.generation import BaseStreamer

from hf_lmcourse.kernels.build import kernel
from hf_lmcourse.layers.dropout import LockedDropout
from hf_lmcourse.models import compiled_generation
from hf_lmcourse.models.compiled_generation import CompiledGenerationMixin

from .families import FAMILIES, Family, every_recurrent_family

SETTINGS: dict[str, dict[str, Any]] = {
    "greedy": {"do_sample": False},
    "sampled": {"do_sample": True, "top_k": 0},
    "warm": {"do_sample": True, "top_k": 0, "temperature": 1.7},
    "top_k": {"do_sample": True, "top_k": 4, "temperature": 0.7},
    "top_p": {"do_sample": True, "top_k": 0, "top_p": 0.6},
    "both": {"do_sample": True, "top_k": 6, "top_p": 0.8},
    "suppressed": {"do_sample": True, "top_k": 0, "suppress_tokens": [1, 7]},
    "greedy_suppressed": {"do_sample": False, "suppress_tokens": [1, 7]},
    "ends": {"do_sample": True, "top_k": 0, "eos_token_id": [3, 5], "pad_token_id": 2},
}
HEADS: dict[str, dict[str, Any]] = {
    "full": {},
    "projected": {"output_layer": "tied", "embedding_size": 12},
    "tied": {"output_layer": "tied", "embedding_size": 16},
}

pytestmark = pytest.mark.skipif(
    kernel("generation_kernel") is None, reason="there is no C++ compiler"
)

every_family_with_a_kernel = pytest.mark.parametrize(
    "family",
    [f for f in FAMILIES if issubclass(f.model_class, CompiledGenerationMixin)],
    ids=lambda family: family.name,
)


def model_of(family: Family, **changes: Any) -> Any:
    """With a state that forgets: in a chaotic one every rounding grows."""
    return family.random(std=0.25, **changes).float()


def generated(
    model: Any, monkeypatch: pytest.MonkeyPatch, *, by_kernel: bool, **settings: Any
) -> tuple[torch.Tensor, torch.Tensor]:
    """The tokens, and the next number of the generator."""
    calls = []
    with monkeypatch.context() as patch:
        if not by_kernel:
            patch.setattr(CompiledGenerationMixin, "_is_as_made", lambda self: False)
        request = compiled_generation._request
        patch.setattr(
            compiled_generation, "_request", lambda *words: calls.append(1) or request(*words)
        )
        torch.manual_seed(0)
        tokens = model.generate(**settings)
    assert bool(calls) == by_kernel
    return tokens, torch.rand(1)


def check_equal(model: Any, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> None:
    ours, theirs = (
        generated(model, monkeypatch, by_kernel=by_kernel, **settings)
        for by_kernel in (True, False)
    )
    assert torch.equal(ours[0], theirs[0])
    assert torch.equal(ours[1], theirs[1])


@every_family_with_a_kernel
@pytest.mark.parametrize("batch", [1, 3, 20])
@pytest.mark.parametrize("name", SETTINGS)
def test_the_tokens_are_those_of_the_loop(
    family: Family, batch: int, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompt = torch.randint(11, (batch, 4), generator=torch.Generator().manual_seed(1))
    check_equal(model_of(family), monkeypatch, inputs=prompt, max_new_tokens=24, **SETTINGS[name])


@every_family_with_a_kernel
@pytest.mark.parametrize("head", HEADS)
def test_every_output_layer_of_one_product(
    family: Family, head: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = model_of(family, **HEADS[head])
    check_equal(
        model, monkeypatch, inputs=torch.tensor([[1]]), max_new_tokens=24, **SETTINGS["sampled"]
    )


def test_a_capped_input_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    (family,) = (family for family in FAMILIES if family.name == "lstm")
    for name in ("greedy", "sampled"):
        check_equal(
            model_of(family, capped_input_gate=True),
            monkeypatch,
            inputs=torch.tensor([[1, 2]]),
            max_new_tokens=24,
            **SETTINGS[name],
        )


@every_family_with_a_kernel
def test_random_numbers_are_drawn_in_blocks(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hf_lmcourse.models.compiled_generation._DRAWN_AT_ONCE", 7 * 11)
    for name in ("sampled", "ends", "greedy"):
        prompt = torch.tensor([[1, 2, 3]])
        check_equal(
            model_of(family), monkeypatch, inputs=prompt, max_new_tokens=31, **SETTINGS[name]
        )


@every_family_with_a_kernel
def test_a_batch_with_padding_on_the_left(family: Family, monkeypatch: pytest.MonkeyPatch) -> None:
    prompt = torch.tensor([[0, 0, 5], [4, 6, 8]])
    mask = torch.tensor([[0, 0, 1], [1, 1, 1]])
    settings = {"max_new_tokens": 20, "pad_token_id": 0, **SETTINGS["sampled"]}
    check_equal(model_of(family), monkeypatch, inputs=prompt, attention_mask=mask, **settings)


@every_recurrent_family
def test_the_cache_is_left_as_the_loop_leaves_it(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, prompt, caches = model_of(family), torch.tensor([[1, 2, 3]]), []
    for by_kernel in (True, False):
        cache = DynamicCache(config=model.config)
        settings = {"past_key_values": cache, "do_sample": False}
        tokens, _ = generated(
            model, monkeypatch, by_kernel=by_kernel, inputs=prompt, max_new_tokens=9, **settings
        )
        tokens, _ = generated(
            model, monkeypatch, by_kernel=by_kernel, inputs=tokens, max_new_tokens=5, **settings
        )
        caches.append((cache, tokens))
    (ours, tokens), (theirs, expected) = caches
    assert torch.equal(tokens, expected)
    assert ours.get_seq_length() == theirs.get_seq_length() == tokens.shape[1] - 1
    for own, other in zip(ours.layers, theirs.layers, strict=True):
        torch.testing.assert_close(own.state, other.state)


class Silent(BaseStreamer):
    """Hears every token."""

    def put(self, value: torch.Tensor) -> None: ...

    def end(self) -> None: ...


@pytest.mark.parametrize(
    "settings",
    [
        {"streamer": Silent()},
        {"return_dict_in_generate": True},
        {"repetition_penalty": 1.2},
        {"use_cache": False},
        {"max_time": 60.0},
    ],
    ids=["streamer", "dictionary", "other_processor", "no_cache", "other_criterion"],
)
@every_family_with_a_kernel
def test_other_settings_are_left_to_the_loop(
    family: Family, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*words: Any) -> None:
        pytest.fail("the kernel does not know this setting")

    monkeypatch.setattr(compiled_generation, "_request", never)
    model_of(family).generate(torch.tensor([[1]]), max_new_tokens=3, do_sample=True, **settings)


@every_family_with_a_kernel
def test_a_model_that_was_changed_is_left_to_the_loop(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert model_of(family)._is_as_made()
    assert not model_of(family).train()._is_as_made()
    assert not model_of(family).double()._is_as_made()
    assert not model_of(family, num_softmaxes=2)._is_as_made()
    assert not model_of(family, output_layer="adaptive", adaptive_cutoffs=[4, 8])._is_as_made()
    for name, part in list(model_of(family).named_modules()):
        model = model_of(family)
        model.get_submodule(name).register_forward_hook(lambda *_: None)
        assert not model._is_as_made(), name
        if isinstance(part, torch.nn.Dropout | LockedDropout):
            model = model_of(family)
            model.get_submodule(name).train()
            assert not model._is_as_made(), name
            model.set_submodule(name, torch.nn.Tanh().eval())
            assert not model._is_as_made(), name
    model = model_of(family)
    model.model.embed_tokens.max_norm = 1.0
    assert not model._is_as_made()
    model = model_of(family)
    model.model.embed_tokens = torch.nn.Sequential(model.model.embed_tokens).eval()
    assert not model._is_as_made()
    model = model_of(family)
    parts = [(model, model.own_methods), (model.model, model.body_methods)]
    for part, names in parts:
        for name in names:
            (kind, *_) = (k for k in type(part).__mro__ if name in vars(k))
            with monkeypatch.context() as patch:
                patch.setattr(kind, name, lambda self, *words, **more: None)
                assert not model._is_as_made(), name
    assert model._is_as_made()


@every_recurrent_family
def test_layers_of_another_width_are_left_to_the_loop(family: Family) -> None:
    model = model_of(family)
    kind = type(model.model.layers[1])
    model.model.layers[1] = kind(16, 24, **model.config.layer_options).eval()
    model.lm_head = torch.nn.Linear(24, 11).eval()
    assert not model._is_as_made()
    model.generate(torch.tensor([[1]]), max_new_tokens=3)


@every_recurrent_family
def test_a_step_of_somebody_else_is_called(family: Family) -> None:
    model = model_of(family)
    model.model.layers[1].cell = lambda weights, x, state: state
    assert not model._is_as_made()


@every_family_with_a_kernel
def test_tokens_outside_the_vocabulary(family: Family, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"max_new_tokens": 9, "do_sample": True, "suppress_tokens": [-1, 2, 10**9]}
    check_equal(model_of(family), monkeypatch, inputs=torch.tensor([[1]]), **settings)
    monkeypatch.setattr(compiled_generation, "_request", lambda *_: pytest.fail("unsafe"))
    ends = {"eos_token_id": 3, "pad_token_id": 10**9}
    model_of(family).generate(torch.tensor([[1]]), max_new_tokens=1, **ends)


@every_family_with_a_kernel
def test_the_default_type_of_new_tensors_changes_nothing(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, prompt = model_of(family), torch.tensor([[1, 2]])
    settings = {"inputs": prompt, "max_new_tokens": 12, **SETTINGS["both"]}
    expected, _ = generated(model, monkeypatch, by_kernel=True, **settings)
    torch.set_default_dtype(torch.float64)
    try:
        found, _ = generated(model, monkeypatch, by_kernel=True, **settings)
    finally:
        torch.set_default_dtype(torch.float32)
    assert torch.equal(found, expected)


@every_family_with_a_kernel
@pytest.mark.parametrize("part", ["lm_head.bias", "model.embed_tokens.weight"])
def test_what_is_no_number_is_the_likeliest_token_as_in_the_loop(
    family: Family, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = model_of(family)
    model.get_parameter(part).data[4] = float("nan")
    for prompt in ([[1]], [[1], [4], [2]]):
        for name in ("greedy", "greedy_suppressed"):
            settings = {"max_new_tokens": 9, **SETTINGS[name]}
            check_equal(model, monkeypatch, inputs=torch.tensor(prompt), **settings)


def test_a_rectifier_keeps_what_is_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    (family,) = (family for family in FAMILIES if family.name == "char_rnn")
    model = model_of(family, hidden_act="relu")
    model.model.embed_tokens.weight.data[4] = float("nan")
    prompt = torch.tensor([[4, 1]])
    check_equal(model, monkeypatch, inputs=prompt, max_new_tokens=9, do_sample=False)


@every_family_with_a_kernel
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_logits_that_are_no_numbers_are_refused_as_by_the_loop(
    family: Family, value: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = model_of(family)
    model.lm_head.bias.data[4] = value
    for by_kernel in (True, False):
        with pytest.raises(RuntimeError, match="probability tensor contains"):
            settings = {"max_new_tokens": 5, **SETTINGS["sampled"]}
            generated(
                model, monkeypatch, by_kernel=by_kernel, inputs=torch.tensor([[1]]), **settings
            )
