"""What is the Transformer's own: positions, attention and its implementations, sparse patterns."""

import math
from itertools import product
from typing import Any

import pytest
import torch
from huggingface_hub.errors import StrictDataclassError
from torch import Tensor
from torch.nn import functional
from transformers import AutoModelForCausalLM

from hf_lmcourse import TransformerConfig, TransformerForCausalLM
from hf_lmcourse.layers.sparse_attention import local_window, log_sparse, strided
from hf_lmcourse.models.transformer.windowed_generation import window_start

from .families import FAMILIES, VOCABULARY, Family, assert_close, gradients, left_padded, token_ids

FAMILY: Family = next(family for family in FAMILIES if family.name == "transformer")
VARIANTS: dict[str, dict[str, Any]] = {
    "learned": {},
    "sinusoidal": {"position_embedding_type": "sinusoidal"},
    "rotary": {"position_embedding_type": "rotary"},
    "swiglu": {"hidden_act": "swiglu"},
    "local": {"attention_pattern": "local", "attention_window": 2},
    "strided": {"attention_pattern": "strided", "attention_window": 2},
    "log_sparse": {"attention_pattern": "log_sparse", "position_embedding_type": "rotary"},
}
NOT_CAUSAL: dict[str, Any] = {"is_causal": False}
every_variant = pytest.mark.parametrize("variant", VARIANTS)
IMPLEMENTATIONS = ("eager", "sdpa")


def both_implementations(**changes: Any) -> list[Any]:
    models = [FAMILY.random(**changes) for _ in IMPLEMENTATIONS]
    for model, implementation in zip(models, IMPLEMENTATIONS, strict=True):
        model.set_attn_implementation(implementation)
    return models


@pytest.mark.parametrize("changes", [*VARIANTS.values(), NOT_CAUSAL], ids=str)
@pytest.mark.parametrize("padded", [False, True])
def test_implementations_agree_in_values_and_gradients(
    changes: dict[str, Any], padded: bool
) -> None:
    ids, mask = left_padded([token_ids(1, length)[0] for length in (4, 9)])
    labels = ids.masked_fill(mask == 0, -100)
    labels[0, 5] = -100  # predicted from padding
    options = {"attention_mask": mask} if padded else {}
    eager, sdpa = both_implementations(**changes)
    losses = [model(ids, labels=labels, **options).loss for model in (eager, sdpa)]
    assert_close(*losses)
    assert_close(*(gradients(m, loss) for m, loss in zip((eager, sdpa), losses, strict=True)))


def test_the_implementation_is_chosen_as_users_of_transformers_do(tmp_path: Any) -> None:
    assert FAMILY.initial().config._attn_implementation == "sdpa"
    FAMILY.initial().save_pretrained(tmp_path)
    for implementation in IMPLEMENTATIONS:
        model = AutoModelForCausalLM.from_pretrained(tmp_path, attn_implementation=implementation)
        assert model.config._attn_implementation == implementation
        model = AutoModelForCausalLM.from_config(
            FAMILY.config(), attn_implementation=implementation
        )
        assert model.config._attn_implementation == implementation


@every_variant
@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_attention_weights_come_back_from_every_implementation(
    variant: str, implementation: str
) -> None:
    model = FAMILY.random(**VARIANTS[variant])
    model.set_attn_implementation(implementation)
    ids = token_ids(2, 7)
    outputs = model(ids, output_attentions=True)
    assert len(outputs.attentions) == 2
    for weights in outputs.attentions:
        assert weights.shape == (2, 2, 7, 7)
        assert_close(weights.sum(-1), torch.ones(2, 2, 7).double())
        assert not weights.triu(1).any()
    assert_close(outputs.logits, model(ids).logits)
    assert model(ids).attentions is None
    past = model(ids, use_cache=True).past_key_values
    more = model(token_ids(2, 1), past_key_values=past, output_attentions=True)
    assert more.attentions[0].shape == (2, 2, 1, 8)


@pytest.mark.parametrize(
    ("variant", "pattern"),
    [("local", local_window(2)), ("strided", strided(2)), ("log_sparse", log_sparse)],
)
def test_weights_are_zero_exactly_where_the_pattern_forbids(variant: str, pattern: Any) -> None:
    model, ids = FAMILY.random(**VARIANTS[variant]), token_ids(2, 9)
    position = torch.arange(9)
    allowed = pattern(position[:, None], position[None, :])
    for weights in model(ids, output_attentions=True).attentions:
        assert torch.equal(weights > 0, allowed.expand_as(weights))


def test_without_the_causal_mask_every_token_is_looked_at_but_padding() -> None:
    model = FAMILY.random(**NOT_CAUSAL)
    ids, mask = left_padded([token_ids(1, length)[0] for length in (4, 9)])
    for weights in model(ids, attention_mask=mask, output_attentions=True).attentions:
        real_queries = weights[0, :, -4:]
        assert torch.equal(real_queries > 0, (mask[0] == 1).expand_as(real_queries))
        assert (weights[1] > 0).all()
    alone = model(ids[:1, -4:]).logits
    assert_close(model(ids, attention_mask=mask).logits[:1, -4:], alone)


@pytest.mark.parametrize(
    ("variant", "length"), [("local", 8), ("local", 15), ("strided", 513), ("log_sparse", 300)]
)
def test_the_sparse_computation_equals_the_mask(variant: str, length: int) -> None:
    eager, sdpa = both_implementations(**VARIANTS[variant], max_position_embeddings=600)
    ids = token_ids(2, length)
    losses = [model(ids, labels=ids).loss for model in (eager, sdpa)]
    assert_close(*losses)
    assert_close(*(gradients(m, loss) for m, loss in zip((eager, sdpa), losses, strict=True)), 1e-9)


@every_variant
def test_variants_generate_the_same_with_and_without_a_cache(variant: str) -> None:
    model = FAMILY.random(std=1.0, **VARIANTS[variant])
    ids, mask = left_padded([token_ids(1, length)[0] for length in (3, 9)])
    options = {"attention_mask": mask, "max_new_tokens": 8, "do_sample": False}
    dynamic, static, none = (
        model.generate(ids, **options, **how)
        for how in ({}, {"cache_implementation": "static"}, {"use_cache": False})
    )
    assert torch.equal(dynamic, none)
    assert torch.equal(static, none)
    alone = model.generate(ids[:1, -3:], attention_mask=mask[:1, -3:], max_new_tokens=8)
    assert torch.equal(alone[0, 3:], dynamic[0, 9:])


@every_variant
def test_gradient_checkpointing_changes_no_gradient(variant: str) -> None:
    model, ids = FAMILY.random(**VARIANTS[variant]).train(), token_ids(2, 9)
    expected = gradients(model, model(ids, labels=ids).loss)
    model.activation_checkpointing_enable()
    loss = model(ids, labels=ids).loss
    loss.backward()
    assert_close({name: p.grad for name, p in model.named_parameters()}, expected)


@every_variant
def test_training_compiles_without_a_break_in_the_graph(variant: str) -> None:
    torch.compiler.reset()
    one_block = {**VARIANTS[variant], "num_hidden_layers": 1}
    model, ids = FAMILY.random(**one_block).train(), token_ids(2, 9)
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True)
    options = {"shift_labels": ids, "use_cache": False}
    loss = compiled(ids, **options).loss
    expected = model(ids, **options).loss
    assert_close(loss, expected)
    assert_close(gradients(model, loss), gradients(model, expected))


def test_rotary_and_sinusoidal_positions_have_no_end_but_learned_ones_do() -> None:
    ids = token_ids(1, 41)
    for variant in ("rotary", "sinusoidal"):
        assert FAMILY.random(**VARIANTS[variant])(ids).logits.isfinite().all()
    with pytest.raises(ValueError, match="token 41 is beyond max_position_embeddings 40"):
        FAMILY.random()(ids)


@pytest.mark.parametrize("size", [1, 2, 5, 8])
def test_a_window_moves_by_half_its_size_and_never_overflows(size: int) -> None:
    starts = [window_start(length, size) for length in range(1, 40)]
    assert starts[:size] == [0] * size
    for length, start in enumerate(starts, 1):
        assert size - max(1, size // 2) < length - start <= size or start == 0
    assert {b - a for a, b in zip(starts, starts[1:], strict=False)} <= {0, max(1, size // 2)}


@pytest.mark.parametrize("variant", ["learned", "rotary", "local"])
@pytest.mark.parametrize("prompt", [3, 8, 13])
def test_generation_beyond_the_context_reads_the_window_alone(variant: str, prompt: int) -> None:
    model = FAMILY.random(std=1.0, **VARIANTS[variant], max_position_embeddings=8)
    ids = token_ids(2, prompt)
    expected = ids
    for _ in range(20):
        window = expected[:, window_start(expected.shape[1], 8) :]
        expected = torch.cat([expected, model(window).logits[:, -1:].argmax(-1)], dim=1)
    options: dict[str, Any] = {"max_new_tokens": 20, "do_sample": False}
    for how in ({}, {"use_cache": False}, {"cache_implementation": "static"}):
        assert torch.equal(model.generate(ids, **options, **how), expected), how
    beams = [model.generate(ids, num_beams=3, use_cache=use, **options) for use in (True, False)]
    assert torch.equal(*beams)


def test_a_padded_prompt_goes_on_beyond_the_context() -> None:
    model = FAMILY.random(std=1.0, max_position_embeddings=8)
    ids, mask = left_padded([token_ids(1, length)[0] for length in (2, 6)])
    options: dict[str, Any] = {"attention_mask": mask, "max_new_tokens": 12, "do_sample": False}
    cached, recomputed = (model.generate(ids, use_cache=use, **options) for use in (True, False))
    assert torch.equal(cached, recomputed)


def test_assisted_decoding_beyond_the_context_is_refused() -> None:
    model = FAMILY.random(max_position_embeddings=8)
    with pytest.raises(ValueError, match="assisted decoding ends at max_position_embeddings 8"):
        model.generate(token_ids(1, 5), max_new_tokens=12, assistant_model=FAMILY.random(seed=1))


def test_the_model_is_the_equation_written_out() -> None:
    model, ids = FAMILY.random(embedding_size=16, num_hidden_layers=1), token_ids(1, 5)
    body, block = model.model, model.model.layers[0]

    def normalise(x: Tensor, norm: Any) -> Tensor:
        centred = x - x.mean(-1, keepdim=True)
        variance = (centred**2).mean(-1, keepdim=True)
        return centred / (variance + 1e-5).sqrt() * norm.weight + norm.bias

    x = body.embed_tokens.weight[ids[0]] + body.embed_positions.weight[:5]
    Q, K, V = block.attention.qkv_proj(normalise(x, block.attention_norm)).chunk(3, dim=-1)
    heads = []
    for half in (slice(0, 8), slice(8, 16)):
        scores = Q[:, half] @ K[:, half].t() / math.sqrt(8)
        later = torch.ones(5, 5, dtype=torch.bool).triu(1)
        heads.append(scores.masked_fill(later, -math.inf).softmax(-1) @ V[:, half])
    x = x + block.attention.o_proj(torch.cat(heads, dim=-1))
    inner = functional.gelu(block.feed_forward.up_proj(normalise(x, block.feed_forward_norm)))
    x = x + block.feed_forward.down_proj(inner)
    logits = model.lm_head(normalise(x, body.norm))
    assert_close(model(ids).logits[0], logits)


@pytest.mark.parametrize("loaded", [False, True])
def test_the_last_matrix_of_each_branch_starts_smaller(loaded: bool) -> None:
    config = FAMILY.config(hidden_size=64, num_hidden_layers=8)
    torch.manual_seed(0)
    model: Any = (
        TransformerForCausalLM.from_pretrained(None, config=config, state_dict={})
        if loaded
        else TransformerForCausalLM(config)
    )
    for block in model.model.layers:
        attention, network = block.attention, block.feed_forward
        for matrix, std in (
            (attention.qkv_proj, 0.02),
            (attention.o_proj, 0.005),
            (network.up_proj, 0.02),
            (network.down_proj, 0.005),
        ):
            assert matrix.weight.std().item() == pytest.approx(std, rel=0.05)
            assert not matrix.bias.any()
    assert model.model.embed_positions.weight.std().item() == pytest.approx(0.02, rel=0.05)


@pytest.mark.parametrize("swiglu", [False, True])
@pytest.mark.parametrize("positions", ["learned", "rotary"])
@pytest.mark.parametrize("tied", [False, True])
def test_the_docstring_says_how_variants_change_the_count(
    swiglu: bool, positions: str, tied: bool
) -> None:
    V, H, L, P = 13, 8, 3, 40
    config = TransformerConfig(
        vocab_size=V,
        hidden_size=H,
        num_hidden_layers=L,
        num_attention_heads=2,
        max_position_embeddings=P,
        hidden_act="swiglu" if swiglu else "gelu",
        position_embedding_type=positions,
        tie_word_embeddings=tied,
    )
    inside = config.intermediate_size
    assert inside == (21 if swiglu else 32)
    matrices = 3 if swiglu else 2
    block = 4 * H * (H + 1) + matrices * H * inside + (matrices - 1) * inside + H + 4 * H
    count = V * H + L * block + 2 * H + V + (0 if tied else V * H)
    count += P * H if positions == "learned" else 0
    assert TransformerForCausalLM(config).num_parameters() == count


BAD_SETTINGS: dict[str, tuple[dict[str, Any], str]] = {
    "uneven heads": ({"num_attention_heads": 3}, "hidden_size 16 must be a multiple of .* 3"),
    "no heads": ({"num_attention_heads": 0}, "num_attention_heads"),
    "no positions": ({"max_position_embeddings": 0}, "max_position_embeddings must be at least 1"),
    "odd heads to rotate": (
        {"hidden_size": 6, "position_embedding_type": "rotary"},
        "rotary positions need an even width, not 3",
    ),
    "odd width": (
        {"hidden_size": 7, "num_attention_heads": 1, "position_embedding_type": "sinusoidal"},
        "sinusoidal positions need an even width, not 7",
    ),
    "no such position": ({"position_embedding_type": "alibi"}, "position_embedding_type"),
    "no such pattern": ({"attention_pattern": "random"}, "attention_pattern"),
    "a pattern without its window": ({"attention_pattern": "local"}, "need attention_window"),
    "a window that nobody reads": ({"attention_window": 3}, "no other does"),
    "no window": ({"attention_pattern": "local", "attention_window": 0}, "at least 1, not 0"),
    "a pattern without causality": (
        {"attention_pattern": "log_sparse", **NOT_CAUSAL},
        'is_causal=False goes with attention_pattern "full"',
    ),
    "attention dropout": ({"attention_dropout": 1.0}, "attention_dropout must be"),
    "embedding dropout": ({"embedding_dropout": -1}, "embedding_dropout must be"),
}


@pytest.mark.parametrize("case", BAD_SETTINGS)
def test_bad_settings_are_refused_by_name(case: str) -> None:
    changes, message = BAD_SETTINGS[case]
    with pytest.raises((StrictDataclassError, ValueError), match=message):
        FAMILY.config(**changes)


def test_every_choice_runs_with_every_other() -> None:
    ids = token_ids(2, 9)
    for positions, pattern, act in product(
        ("learned", "sinusoidal", "rotary"),
        ("full", "local", "strided", "log_sparse"),
        ("gelu", "relu", "swiglu"),
    ):
        window = 2 if pattern in ("local", "strided") else None
        model = FAMILY.initial(
            position_embedding_type=positions,
            attention_pattern=pattern,
            attention_window=window,
            hidden_act=act,
            vocab_size=VOCABULARY,
        )
        assert model(ids, labels=ids).loss.item() == pytest.approx(math.log(VOCABULARY), rel=0.1)
