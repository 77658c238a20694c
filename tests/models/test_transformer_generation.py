"""`generate` of the Transformer by the kernel: windows, positions, padding and the cache."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from transformers import DynamicCache

from hf_lmcourse import TransformerConfig, TransformerForCausalLM
from hf_lmcourse.kernels.build import kernel
from hf_lmcourse.models import compiled_generation
from hf_lmcourse.models.compiled_generation import CompiledGenerationMixin

from ..kernels.threads import num_threads
from .families import left_padded, token_ids

pytestmark = pytest.mark.skipif(
    kernel("transformer_generation_kernel") is None, reason="there is no C++ compiler"
)
SIZES: dict[str, Any] = {
    "vocab_size": 11,
    "hidden_size": 12,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "max_position_embeddings": 16,
}
SAMPLED: dict[str, Any] = {"do_sample": True, "top_k": 0}


def tiny(**changes: Any) -> Any:
    torch.manual_seed(0)
    model = TransformerForCausalLM(TransformerConfig(**(SIZES | changes)))
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.3)
    return model.eval()


def generated(model: Any, by_kernel: bool, ids: Tensor, **options: Any) -> tuple[Tensor, Tensor]:
    """The tokens, and the next number of the generator."""
    runs = []
    with pytest.MonkeyPatch.context() as patch:
        if not by_kernel:
            patch.setattr(CompiledGenerationMixin, "_is_as_made", lambda self: False)
        request = compiled_generation._request
        patch.setattr(
            compiled_generation, "_request", lambda *words: runs.append(1) or request(*words)
        )
        torch.manual_seed(0)
        tokens = model.generate(ids, **options)
    assert bool(runs) == by_kernel
    return tokens, torch.rand(1)


def check_equal(model: Any, ids: Tensor, **options: Any) -> Tensor:
    ours, theirs = (generated(model, by_kernel, ids, **options) for by_kernel in (True, False))
    assert torch.equal(ours[0], theirs[0])
    assert torch.equal(ours[1], theirs[1])
    return ours[0]


@settings(max_examples=12, deadline=None)
@given(
    rows=st.sampled_from([1, 3, 7, 8, 20, 70]),
    width=st.sampled_from([4, 12, 32, 68]),
    embedding=st.sampled_from([None, 10]),
    activation=st.sampled_from(["gelu", "relu", "swiglu"]),
    positions=st.sampled_from(["learned", "sinusoidal", "rotary"]),
    tied=st.booleans(),
    padding=st.integers(0, 3),
    new=st.integers(1, 20),
    threads=st.integers(1, 3),
    sampled=st.booleans(),
)
def test_the_tokens_are_those_of_the_loop(
    rows: int,
    width: int,
    embedding: int | None,
    activation: str,
    positions: str,
    tied: bool,
    padding: int,
    new: int,
    threads: int,
    sampled: bool,
) -> None:
    model = tiny(
        hidden_size=width,
        embedding_size=embedding,
        hidden_act=activation,
        position_embedding_type=positions,
        output_layer="tied" if tied else "full",
    )
    ids, mask = token_ids(rows, 5), torch.ones(rows, 5, dtype=torch.long)
    mask[0, :padding] = 0
    options = {"attention_mask": mask, "max_new_tokens": new, "pad_token_id": 0}
    with num_threads(threads):
        check_equal(model, ids, **options, **(SAMPLED if sampled else {"do_sample": False}))


@pytest.mark.parametrize("length", [1, 15, 16, 17, 40])
@pytest.mark.parametrize("window", [1, 7, 16])
def test_windows_move_as_in_the_loop(length: int, window: int) -> None:
    rows = [token_ids(1, n, seed=n)[0] for n in (length, 2)]
    ids, mask = left_padded(rows)
    model = tiny(max_position_embeddings=window)
    check_equal(model, ids, attention_mask=mask, max_new_tokens=40, pad_token_id=0, **SAMPLED)
    check_equal(model, ids[:1], max_new_tokens=40, **SAMPLED)


def test_a_text_that_ends_in_a_later_window() -> None:
    ids, lengths = token_ids(3, 4), set()
    for end in range(11):
        options = {"eos_token_id": end, "pad_token_id": 2, "max_new_tokens": 60}
        lengths.add(check_equal(tiny(), ids, **options, **SAMPLED).shape[1])
    assert any(20 < length < 64 for length in lengths)


@pytest.mark.parametrize("new", [1, 5, 12, 30])
def test_the_cache_is_left_as_the_loop_leaves_it(new: int) -> None:
    model, ids, mask = tiny(), *left_padded([token_ids(1, n)[0] for n in (4, 2)])
    caches = []
    for by_kernel in (True, False):
        cache = DynamicCache(config=model.config)
        options = {"past_key_values": cache, "pad_token_id": 0, "do_sample": False}
        tokens, _ = generated(
            model, by_kernel, ids, attention_mask=mask, max_new_tokens=new, **options
        )
        wide = torch.cat([mask, torch.ones(2, new, dtype=torch.long)], dim=1)
        tokens, _ = generated(
            model, by_kernel, tokens, attention_mask=wide, max_new_tokens=6, **options
        )
        caches.append((cache, tokens))
    (ours, tokens), (theirs, expected) = caches
    assert torch.equal(tokens, expected)
    for own, other in zip(ours.layers, theirs.layers, strict=True):
        torch.testing.assert_close(own.keys, other.keys, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(own.values, other.values, rtol=1e-4, atol=1e-4)


def test_positions_of_ones_own() -> None:
    ids, near = token_ids(2, 4), torch.tensor([[0, 0, 1, 1]])
    check_equal(tiny(), ids, position_ids=near, max_new_tokens=40, **SAMPLED)


def filled(model: Any, length: int) -> DynamicCache:
    with torch.no_grad():
        return model(token_ids(1, length), use_cache=True).past_key_values


def test_what_the_kernel_does_not_know_is_left_to_the_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(compiled_generation, "_request", lambda *_: pytest.fail("unknown"))
    one = {"max_new_tokens": 3, **SAMPLED}
    ids = token_ids(1, 4)
    model = tiny()
    model.generate(ids, prefill_chunk_size=2, **one)
    model.generate(ids, cache_implementation="static", **one)
    model.generate(inputs_embeds=model.get_input_embeddings()(ids), **one)
    new = {"past_key_values": filled(model, 4), "attention_mask": torch.ones(1, 8)}
    model.generate(ids, **new, **one)
    far = torch.tensor([[3, 5, 8, 9]])
    with pytest.raises(ValueError, match="beyond max_position_embeddings"):
        model.generate(ids, position_ids=far, max_new_tokens=9, **SAMPLED)
    narrow = DynamicCache(config=model.config)
    for index in range(2):
        narrow.update(*2 * [torch.zeros(1, 2, 3, 6, dtype=torch.float64)], index)
    with pytest.raises(RuntimeError):
        model.generate(ids, past_key_values=narrow, **one)
    for other in (
        tiny(attention_pattern="local", attention_window=2),
        tiny(attn_implementation="eager"),
        tiny().bfloat16(),
        tiny(num_softmaxes=2),
    ):
        other.generate(ids, **one)


def without_a_bias(model: Any) -> None:
    model.model.norm.bias = None


def with_another_epsilon(model: Any) -> None:
    model.model.norm.eps = 1.0


def with_a_bias(model: Any) -> None:
    model.model.embedding_projection = nn.Linear(10, 12).eval()


def with_other_positions(model: Any) -> None:
    model.model.embed_positions = nn.Embedding(16, 12, max_norm=0.1).eval()


def with_fewer_positions(model: Any) -> None:
    model.model.embed_positions = nn.Embedding(8, 12).eval()


def with_another_temperature(model: Any) -> None:
    model.model.layers[0].attention.scaling = 0.1


def with_fewer_blocks(model: Any) -> None:
    del model.model.layers[1]


CHANGES = [
    *(without_a_bias, with_another_epsilon, with_a_bias, with_other_positions),
    *(with_fewer_positions, with_another_temperature, with_fewer_blocks),
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_changed_part_is_left_to_the_loop(change: Any) -> None:
    model = tiny(embedding_size=10)
    assert model._is_as_made()
    change(model)
    assert not model._is_as_made()
