"""The kernel for one new token does what the blocks do, and only what it may do."""

import copy
from typing import Any

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from transformers import DynamicCache, StaticCache

from hf_lmcourse import TransformerConfig, TransformerForCausalLM
from hf_lmcourse.kernels import build
from hf_lmcourse.layers.feed_forward import FeedForward
from hf_lmcourse.models.transformer import modeling_transformer
from hf_lmcourse.models.transformer.transformer_block import TransformerBlock

from ..kernels.threads import num_threads
from .families import left_padded, token_ids

needs_compiler = pytest.mark.skipif(
    build.kernel("decoding_kernel") is None, reason="there is no C++ compiler"
)
SIZES: dict[str, Any] = {
    "vocab_size": 11,
    "hidden_size": 12,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "max_position_embeddings": 64,
    "initializer_range": 0.4,
}


def tiny(**changes: Any) -> TransformerForCausalLM:
    torch.manual_seed(0)
    model = TransformerForCausalLM(TransformerConfig(**(SIZES | changes)))
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.4)
    return model.eval()


class Spy:
    """Counts how often the kernel ran: for one token on top of others, and for another prompt."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.runs = self.prompts = 0
        self.real = modeling_transformer.decode
        monkeypatch.setattr(modeling_transformer, "decode", self.decode)

    def decode(self, *arguments: Any) -> Tensor | None:
        _, _, hidden, cache, *_ = arguments
        is_prompt = hidden.shape[1] > 1 or cache is None or cache.get_seq_length() == 0
        result = self.real(*arguments)
        if is_prompt:
            self.prompts += result is not None
        else:
            self.runs += result is not None
        return result


@pytest.fixture
def spy(monkeypatch: pytest.MonkeyPatch) -> Spy:
    return Spy(monkeypatch)


@torch.no_grad()
def step_by_step(model: Any, ids: Tensor, mask: Tensor, start: int) -> Tensor:
    """Logits of the tokens from `start` on, each computed on top of the cache."""
    cache = model(ids[:, :start], attention_mask=mask[:, :start], use_cache=True).past_key_values
    logits = [
        model(
            ids[:, t : t + 1],
            attention_mask=mask[:, : t + 1],
            past_key_values=cache,
            use_cache=True,
        ).logits
        for t in range(start, ids.shape[1])
    ]
    return torch.cat(logits, dim=1)


@needs_compiler
@settings(max_examples=40, deadline=None)
@given(
    rows=st.integers(1, 40),
    width=st.sampled_from([4, 12, 34, 64]),  # of 2, normalised, every rounding can grow
    inside=st.integers(1, 70),
    activation=st.sampled_from(["gelu", "relu", "swiglu"]),
    positions=st.sampled_from(["learned", "sinusoidal", "rotary"]),
    padding=st.integers(0, 3),
    threads=st.integers(1, 3),
)
@example(40, 64, 70, "gelu", "rotary", 2, 3)  # enough work to be shared
@example(40, 64, 70, "swiglu", "learned", 0, 2)
def test_a_token_on_top_of_a_cache_equals_the_whole_sequence_in_float64(
    rows: int,
    width: int,
    inside: int,
    activation: str,
    positions: str,
    padding: int,
    threads: int,
) -> None:
    model = tiny(
        hidden_size=width,
        intermediate_size=inside,
        hidden_act=activation,
        position_embedding_type="sinusoidal" if width == 34 else positions,  # 17: no pairs
    )
    ids = torch.randint(11, (rows, 9), generator=torch.Generator().manual_seed(rows))
    mask = torch.ones_like(ids)
    mask[0, :padding] = 0
    with num_threads(threads):
        found = step_by_step(model, ids, mask, 4)
    expected = model.double()(ids, attention_mask=mask).logits[:, 4:]
    torch.testing.assert_close(found.double(), expected, rtol=1e-4, atol=1e-4)


@needs_compiler
@pytest.mark.parametrize("options", [{}, {"num_beams": 3}, {"num_return_sequences": 2}], ids=str)
def test_generation_is_the_same_with_and_without_it(
    options: dict[str, Any], spy: Spy, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tiny(max_position_embeddings=16)
    monkeypatch.setattr(type(model), "_is_as_made", lambda self: False)  # token by token
    ids, mask = left_padded([token_ids(1, length)[0] for length in (3, 9)])
    wanted = {"attention_mask": mask, "max_new_tokens": 20, "pad_token_id": 0, **options}
    sampling = {"do_sample": "num_return_sequences" in options}
    torch.manual_seed(1)
    found = model.generate(ids, **wanted, **sampling)
    assert spy.runs > 10, "some tokens are read again when the window moves"
    monkeypatch.setattr(modeling_transformer, "decode", lambda *_: None)
    torch.manual_seed(1)
    assert torch.equal(found, model.generate(ids, **wanted, **sampling))


class Doubled(nn.Linear):
    """A part as another library might put it in place of ours."""

    def forward(self, x: Tensor) -> Tensor:
        return 2 * super().forward(x)


def replaced(model: Any) -> None:
    old = model.base_model.layers[1].feed_forward.down_proj
    new = Doubled(old.in_features, old.out_features)
    new.load_state_dict(old.state_dict())
    model.base_model.layers[1].feed_forward.down_proj = new


def hooked(model: Any) -> None:
    model.base_model.layers[0].attention.register_forward_hook(lambda m, a, out: (2 * out[0], None))


def patched(model: Any) -> None:
    norm = model.base_model.layers[0].attention_norm
    norm.forward = lambda x: 2 * x  # as accelerate does


def without_a_bias(model: Any) -> None:
    model.base_model.layers[0].attention.o_proj.bias = None


class ParallelBlock(TransformerBlock):
    """Attention and feed-forward network side by side, as in GPT-J."""

    def forward(self, hidden_states: Tensor, **kwargs: Any) -> Tensor:
        attended, _ = self.attention(self.attention_norm(hidden_states), **kwargs)
        return hidden_states + attended + self.feed_forward(self.feed_forward_norm(hidden_states))


def of_another_class(model: Any) -> None:
    model.base_model.layers[1].__class__ = ParallelBlock


def with_another_epsilon(model: Any) -> None:
    model.base_model.layers[1].feed_forward_norm.eps = 1.0


def with_another_temperature(model: Any) -> None:
    model.base_model.layers[0].attention.scaling = 0.1


def with_another_activation(model: Any) -> None:
    model.base_model.layers[0].feed_forward.activation = "relu"


def with_fewer_units(model: Any) -> None:
    network = model.base_model.layers[1].feed_forward
    network.up_proj, network.down_proj = nn.Linear(12, 7), nn.Linear(7, 12)


def with_a_hook_on_the_dropout(model: Any) -> None:
    model.base_model.layers[0].dropout.register_forward_hook(lambda m, a, out: 2 * out)


CHANGES = [
    *(replaced, hooked, patched, without_a_bias, of_another_class),
    *(with_another_epsilon, with_another_temperature, with_another_activation),
    *(with_fewer_units, with_a_hook_on_the_dropout),
]


@needs_compiler
def test_a_class_whose_forward_was_replaced_is_left_to_the_blocks(
    spy: Spy, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward = FeedForward.forward
    monkeypatch.setattr(FeedForward, "forward", lambda self, x: 2 * forward(self, x))
    model, ids = tiny(), token_ids(2, 8)
    step_by_step(model, ids, torch.ones_like(ids), 5)
    assert spy.runs == 0


@needs_compiler
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16], ids=str)
def test_the_default_type_of_new_tensors_changes_nothing(dtype: torch.dtype, spy: Spy) -> None:
    model, ids = tiny(), token_ids(2, 8)
    expected = step_by_step(model, ids, torch.ones_like(ids), 5)
    torch.set_default_dtype(dtype)
    try:
        found = step_by_step(model, ids, torch.ones_like(ids), 5)
    finally:
        torch.set_default_dtype(torch.float32)
    assert spy.runs == 6
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


@needs_compiler
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_changed_part_is_left_to_the_blocks(change: Any, spy: Spy) -> None:
    model, ids = tiny(), token_ids(2, 8)
    change(model)
    found = step_by_step(model, ids, torch.ones_like(ids), 5)
    assert spy.runs == 0
    with torch.no_grad():
        torch.testing.assert_close(found, model(ids).logits[:, 5:], rtol=1e-4, atol=1e-4)


@needs_compiler
@pytest.mark.parametrize("part", ["dropout", "attention"])
def test_dropout_that_is_left_on_drops_in_every_step(part: str, spy: Spy) -> None:
    model, ids = tiny(hidden_dropout=0.5, attention_dropout=0.5), token_ids(2, 8)
    getattr(model.base_model.layers[1], part).train()
    first, second = (step_by_step(model, ids, torch.ones_like(ids), 5) for _ in range(2))
    assert spy.runs == 0
    assert not torch.isclose(first[:, -1], second[:, -1]).all()


def cached(model: Any, length: int = 5, **options: Any) -> Any:
    with torch.no_grad():
        return model(token_ids(2, length), use_cache=True, **options).past_key_values


@needs_compiler
@torch.no_grad()
def test_it_runs_for_one_plain_token_alone(spy: Spy) -> None:
    model, one = tiny(), token_ids(2, 1)
    model(one, past_key_values=cached(model), attention_mask=torch.ones(2, 6))
    model(one, past_key_values=cached(model))
    assert spy.runs == 2
    model(one, past_key_values=StaticCache(config=model.config, max_cache_len=9))
    model(one, past_key_values=cached(model), attention_mask=torch.ones(2, 1, 1, 6).bool())
    with torch.enable_grad():
        model(one, past_key_values=cached(model))
    with torch.autocast("cpu", torch.bfloat16):
        model(one, past_key_values=cached(model))
    with torch.autocast("cpu", torch.bfloat16):
        narrow = cached(model)
    model(one, past_key_values=narrow)
    with pytest.raises(RuntimeError, match="size"):
        model(token_ids(3, 1), past_key_values=cached(model))
    for other in (
        tiny(attention_pattern="local", attention_window=2),
        tiny(attn_implementation="eager"),
        tiny().double(),
        tiny(attention_dropout=0.5).train(),
    ):
        other(one, past_key_values=cached(other))
    assert spy.runs == 2


@needs_compiler
@torch.no_grad()
@settings(max_examples=15, deadline=None)
@given(
    rows=st.sampled_from([1, 2, 5, 9]),
    width=st.sampled_from([4, 12, 34]),
    positions=st.sampled_from(["learned", "sinusoidal", "rotary"]),
    padding=st.integers(0, 3),
    pieces=st.lists(st.integers(1, 6), min_size=1, max_size=4),
    threads=st.integers(1, 3),
)
def test_a_text_in_pieces_equals_the_whole_in_float64(
    rows: int, width: int, positions: str, padding: int, pieces: list[int], threads: int
) -> None:
    positions = "sinusoidal" if width == 34 else positions
    model = tiny(hidden_size=width, position_embedding_type=positions)
    ids = token_ids(rows, sum(pieces))
    mask = torch.ones_like(ids)
    mask[0, : min(padding, pieces[0] - 1)] = 0
    cache, found, end = DynamicCache(config=model.config), [], 0
    with pytest.MonkeyPatch.context() as patch, num_threads(threads):
        spy = Spy(patch)
        for length in pieces:
            begin, end = end, end + length
            masked = {"attention_mask": mask[:, :end]}
            found.append(model(ids[:, begin:end], past_key_values=cache, **masked).logits)
    assert spy.runs + spy.prompts == len(pieces)
    expected = model.double()(ids, attention_mask=mask).logits
    real = mask.bool()
    torch.testing.assert_close(
        torch.cat(found, dim=1).double()[real], expected[real], rtol=1e-4, atol=1e-4
    )


@needs_compiler
@torch.no_grad()
def test_a_prompt_that_it_does_not_know_is_left_to_the_blocks(spy: Spy) -> None:
    model, ids = tiny(), token_ids(2, 6)
    packed = torch.tensor([[0, 1, 2, 0, 1, 2]])
    empty = DynamicCache(config=model.config)
    found = model(ids, position_ids=packed, past_key_values=empty).logits
    second = model(ids[:, 3:], use_cache=False).logits
    torch.testing.assert_close(found[:, 3:], second, rtol=1e-4, atol=1e-4)
    model(ids, past_key_values=DynamicCache())
    model(token_ids(2, 17), use_cache=True)
    model(ids, use_cache=False)
    tiny(is_causal=False)(ids, use_cache=True)
    assert spy.prompts == 0
    model(ids, position_ids=torch.arange(6)[None], use_cache=True)
    assert spy.prompts == 1


@needs_compiler
@torch.no_grad()
@pytest.mark.parametrize("copied", [copy.deepcopy, copy.copy], ids=["deep", "shallow"])
def test_copies_of_a_cache_go_on_by_themselves(copied: Any, spy: Spy) -> None:
    model, ids = tiny(), token_ids(2, 9)
    first = cached(model)
    model(ids[:, :1], past_key_values=first)  # now there is room behind the keys
    second = copied(first)
    second.layers = [copied(layer) for layer in first.layers]
    before = [layer.keys.clone() for layer in second.layers]
    ways = {"first": first, "second": second}
    found = {}
    for t in range(1, 4):
        for shift, (name, cache) in enumerate(ways.items()):
            found[name] = model(ids[:, t + shift : t + shift + 1], past_key_values=cache).logits
    assert spy.runs == 7
    for layer, old in zip(second.layers, before, strict=True):
        assert torch.equal(layer.keys[:, :, :6], old)
    start = token_ids(2, 5)
    for shift, name in enumerate(ways):
        whole = torch.cat([start, ids[:, :1], ids[:, 1 + shift : 4 + shift]], dim=1)
        torch.testing.assert_close(found[name], model(whole).logits[:, -1:], rtol=1e-4, atol=1e-4)


@needs_compiler
@torch.no_grad()
def test_a_cache_that_was_cut_is_filled_without_touching_what_was_cut_off(spy: Spy) -> None:
    model, ids = tiny(), token_ids(2, 9)
    cache = cached(model)
    model(ids[:, :1], past_key_values=cache)
    held = [layer.keys for layer in cache.layers]
    kept = [keys.clone() for keys in held]
    cache.crop(-2)
    found = model(ids[:, 3:4], past_key_values=cache).logits
    assert spy.runs == 2
    assert all(torch.equal(now, then) for now, then in zip(held, kept, strict=True))
    whole = torch.cat([token_ids(2, 5)[:, :4], ids[:, 3:4]], dim=1)
    torch.testing.assert_close(found, model(whole).logits[:, -1:], rtol=1e-4, atol=1e-4)


@needs_compiler
@torch.no_grad()
def test_what_is_asked_of_the_blocks_comes_from_them(spy: Spy) -> None:
    model, one = tiny(), token_ids(2, 1)
    outputs = model(one, past_key_values=cached(model), output_attentions=True)
    assert [weights.shape for weights in outputs.attentions] == 2 * [(2, 2, 1, 6)]
    outputs = model(one, past_key_values=cached(model), output_hidden_states=True)
    assert len(outputs.hidden_states) == 3
    assert spy.runs == 0
