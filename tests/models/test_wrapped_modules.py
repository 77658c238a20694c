"""What wraps, hooks or replaces a part of a model has its effect: nothing is read past it."""

import copy
from typing import Any

import pytest
import torch
from accelerate import cpu_offload
from peft import LoraConfig, get_peft_model
from torch import Tensor, nn
from torch.nn import functional
from transformers.integrations.neftune import neftune_post_forward_hook

from hf_lmcourse import DANConfig, DANForSequenceClassification
from hf_lmcourse.errors import LmcourseError

from .families import FAMILIES, OUTPUT_LAYERS, Family, assert_close, token_ids

pytestmark = pytest.mark.filterwarnings(
    "ignore::UserWarning", "ignore::DeprecationWarning", "ignore::FutureWarning"
)

BACKENDS = {f"{f.name}-torch": (f, {"backend": "torch"}) for f in FAMILIES if f.reference}
HEADS = {
    f"lstm-{name}": (family, changes)
    for family in FAMILIES
    for name, changes in OUTPUT_LAYERS.items()
    if family.name == "lstm" and name != "full"
}
MORE = {
    "ngram_fnn-direct": ("ngram_fnn", {"direct_connections": True}),
    "transformer-swiglu": ("transformer", {"hidden_act": "swiglu", "embedding_size": 16}),
    "transformer-rotary": ("transformer", {"position_embedding_type": "rotary"}),
}
BY_NAME = {family.name: family for family in FAMILIES}
CAUSAL: dict[str, tuple[Family, dict[str, Any]]] = {
    **{family.name: (family, {}) for family in FAMILIES},
    **BACKENDS,
    **HEADS,
    **{name: (BY_NAME[family], changes) for name, (family, changes) in MORE.items()},
}
DANS: dict[str, dict[str, Any]] = {
    "dan": {},
    "dan-ngrams": {"ngram_buckets": 13, "max_ngram": 3, "distinct_words": True},
    "dan-ratios": {"ngram_buckets": 13, "max_ngram": 2, "log_count_ratios": True},
}
KINDS = (nn.Linear, nn.Conv1d, nn.Embedding)


def causal(name: str) -> Any:
    family, changes = CAUSAL[name]
    return family.random(**changes)


def dan(name: str) -> DANForSequenceClassification:
    torch.manual_seed(0)
    settings = {"vocab_size": 11, "embedding_size": 5, "hidden_size": 7, "num_hidden_layers": 2}
    return DANForSequenceClassification(DANConfig(**settings, **DANS[name])).double().eval()


def model_named(name: str) -> Any:
    return dan(name) if name in DANS else causal(name)


def weighted_modules(name: str) -> list[str]:
    """The names of a model's layers with weights."""
    return [path for path, module in model_named(name).named_modules() if isinstance(module, KINDS)]


PAIRS = [(name, path) for name in (*CAUSAL, *DANS) for path in weighted_modules(name)]
every_module = pytest.mark.parametrize(("name", "path"), PAIRS, ids=["-".join(p) for p in PAIRS])
every_model = pytest.mark.parametrize("name", [*CAUSAL, *DANS])
every_causal_model = pytest.mark.parametrize("name", CAUSAL)


def inputs_of(name: str) -> dict[str, Tensor]:
    ids = token_ids(2, 9)
    return {"input_ids": ids, "labels": torch.tensor([0, 1]) if name in DANS else ids}


def gradients(model: nn.Module, value: Tensor) -> dict[str, Tensor]:
    """The gradient with respect to every parameter that is trained, by name."""
    trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
    found = torch.autograd.grad(value, list(trained.values()), materialize_grads=True)
    return dict(zip(trained, found, strict=True))


def cross_entropy(name: str, logits: Tensor, labels: Tensor) -> Tensor:
    if name in DANS:
        return functional.cross_entropy(logits, labels)
    return functional.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten())


def assert_consistent(name: str, model: Any, tolerance: float = 1e-10) -> None:
    """The loss is that of the logits, in value and gradient, and steps equal the whole."""
    inputs = inputs_of(name)
    outputs = model(**inputs)
    expected = cross_entropy(name, outputs.logits, inputs["labels"])
    assert_close(outputs.loss, expected, tolerance)
    if outputs.loss.requires_grad:
        assert_close(gradients(model, model(**inputs).loss), gradients(model, expected), tolerance)
    if name in DANS:
        return
    assert_close(model(**inputs, skip_logits=True).loss, expected, tolerance)
    steps, past = [], None
    for t in range(inputs["input_ids"].shape[1]):
        with torch.no_grad():
            step = model(
                input_ids=inputs["input_ids"][:, t : t + 1], past_key_values=past, use_cache=True
            )
        past = step.past_key_values
        steps.append(step.logits)
    assert_close(torch.cat(steps, dim=1), outputs.logits.detach(), tolerance)


def adapted(name: str, path: str, **options: Any) -> Any:
    torch.manual_seed(1)
    settings = {"r": 2, "lora_alpha": 32, "init_lora_weights": False, **options}
    config = LoraConfig(target_modules=path.replace(".", r"\."), **settings)
    return get_peft_model(model_named(name), config).double().eval()


@every_module
def test_an_adapter_has_its_effect_gradient_and_merge(name: str, path: str) -> None:
    model, inputs = adapted(name, path), inputs_of(name)
    on = model(**inputs)
    with model.disable_adapter():
        off = model(**inputs)
    assert not torch.isclose(on.logits, off.logits).all()
    assert_close(off.logits, model_named(name)(**inputs).logits)
    assert all(bool((gradient != 0).any()) for gradient in gradients(model, on.loss).values())
    assert_consistent(name, model)
    if (
        name in DANS or not model.config.tie_word_embeddings
    ):  # merging changes the shared matrix in both places
        assert_close(model.merge_and_unload()(**inputs).logits, on.logits.detach(), 1e-9)


@pytest.mark.parametrize("options", [{"use_dora": True}, {"init_lora_weights": "pissa"}], ids=str)
@pytest.mark.parametrize("path", ["recurrent_projection", "lm_head"])
def test_other_kinds_of_adapters(path: str, options: dict[str, Any]) -> None:
    plain, inputs = causal("gru"), inputs_of("gru")
    torch.manual_seed(1)
    config = LoraConfig(
        r=2, target_modules=rf".*\.?{path}", **{"init_lora_weights": False, **options}
    )
    model = get_peft_model(copy.deepcopy(plain).float(), config).double().eval()
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data *= 1.5
    changed = model(**inputs).logits
    assert not torch.isclose(changed, plain(**inputs).logits).all()
    assert_consistent("gru", model, 1e-6)
    assert_close(model.merge_and_unload()(**inputs).logits, changed.detach(), 1e-6)


@every_module
def test_a_forward_hook_changes_the_output_everywhere(name: str, path: str) -> None:
    model, inputs = model_named(name), inputs_of(name)
    plain = model(**inputs)
    calls = []

    def double(module: nn.Module, args: Any, output: Tensor) -> Tensor:
        calls.append(output.shape)
        return 2 * output

    handle = model.get_submodule(path).register_forward_hook(double)
    hooked = model(**inputs)
    assert calls and not torch.isclose(hooked.logits, plain.logits).all()
    assert_consistent(name, model)
    handle.remove()
    assert_close(model(**inputs).logits, plain.logits, 0)


@every_module
def test_a_backward_hook_sees_the_gradient(name: str, path: str) -> None:
    model, seen = model_named(name), []
    model.get_submodule(path).register_full_backward_hook(lambda *_: seen.append(True))
    model.train()(**inputs_of(name)).loss.backward()
    assert seen


@every_model
def test_noise_on_the_embeddings_has_its_effect(name: str) -> None:
    model = model_named(name).train()
    embeddings = model.get_input_embeddings()
    embeddings.neftune_noise_alpha = 5.0
    plain = model(**inputs_of(name)).loss
    embeddings.register_forward_hook(neftune_post_forward_hook)
    noisy = {model(**inputs_of(name)).loss.item() for _ in range(3)}
    assert len(noisy) == 3 and plain.item() not in noisy


@every_model
def test_a_quantised_model_computes_one_thing(name: str) -> None:
    model = torch.ao.quantization.quantize_dynamic(model_named(name).float(), {nn.Linear})
    with torch.no_grad():
        inputs = inputs_of(name)
        outputs = model(**inputs)
        expected = cross_entropy(name, outputs.logits, inputs["labels"])
        assert_close(outputs.loss, expected, 1e-5)
        if name in CAUSAL:
            assert_close(model(**inputs, skip_logits=True).loss, expected, 1e-5)
            targets = functional.pad(inputs["labels"][:, 1:], (0, 1), value=-100)
            losses, _, _ = model.score_tokens(inputs["input_ids"], targets)
            assert_close(losses.sum().float() / (targets >= 0).sum(), expected, 1e-5)
        plain = model_named(name).float()(**inputs)
    assert not torch.equal(outputs.logits, plain.logits)
    torch.testing.assert_close(outputs.loss, plain.loss, rtol=0.1, atol=0.1)


@every_model
def test_an_offloaded_model_computes_the_same(name: str) -> None:
    plain, inputs = model_named(name), inputs_of(name)
    model = cpu_offload(copy.deepcopy(plain), execution_device=torch.device("cpu"))
    assert all(parameter.is_meta for parameter in model.parameters())
    with torch.no_grad():
        outputs, expected = model(**inputs), plain(**inputs)
        assert_close(outputs.logits, expected.logits)
        assert_close(outputs.loss, expected.loss)
        if name in CAUSAL:
            settings = {"max_new_tokens": 5, "do_sample": False, "pad_token_id": 0}
            ids = inputs["input_ids"]
            assert torch.equal(
                model.generate(ids, **settings), plain.generate(ids, use_cache=False, **settings)
            )


@every_causal_model
def test_generation_with_adapters_everywhere_needs_no_cache_to_be_right(name: str) -> None:
    model = adapted(name, f".*({'|'.join(weighted_modules(name))})")
    settings = {"max_new_tokens": 8, "do_sample": False, "pad_token_id": 0, "eos_token_id": None}
    ids = token_ids(2, 4)
    cached = model.generate(input_ids=ids, **settings)
    assert torch.equal(cached, model.generate(input_ids=ids, use_cache=False, **settings))


@pytest.mark.parametrize("name", [f.name for f in FAMILIES if f.reference])
def test_weight_drop_reads_an_adapted_matrix_through_its_call(name: str) -> None:
    family = BY_NAME[name]
    path = "model.layers.0.recurrent_projection"
    settings = LoraConfig(r=2, target_modules=path.replace(".", r"\."), init_lora_weights=False)
    torch.manual_seed(1)
    model = get_peft_model(family.random(recurrent_dropout=0.5), settings).double().train()
    ids = token_ids(2, 9)
    torch.manual_seed(3)
    loss = model(input_ids=ids, labels=ids).loss
    assert all(bool((g != 0).any()) for g in gradients(model, loss).values())
    torch.manual_seed(3)
    merged = model.merge_and_unload()
    assert_close(merged(input_ids=ids, labels=ids).loss, loss.detach(), 1e-9)


def test_a_wrapped_output_layer_is_trained_on_the_whole_vocabulary() -> None:
    ids = token_ids(2, 9)
    model = BY_NAME["lstm"].random(num_sampled=3).train()
    model.lm_head.register_forward_hook(lambda *_: None)
    expected = cross_entropy("lstm", model(ids).logits, ids)
    assert_close(model(ids, labels=ids, skip_logits=True).loss, expected)


@pytest.mark.parametrize("name", ["adversarial_epsilon", "augmented_loss"])
def test_a_loss_from_the_rows_of_a_wrapped_output_layer_is_refused(name: str) -> None:
    ids = token_ids(2, 9)
    model = BY_NAME["lstm"].random(**{name: 0.1}).train()
    model.lm_head.register_forward_hook(lambda *_: None)
    with pytest.raises(LmcourseError, match=f"{name} needs"):
        model(ids, labels=ids)
