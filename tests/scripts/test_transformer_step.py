"""GPT-2 with our weights computes our losses, step after step."""

from typing import Any

import pytest
import torch

from benchmarks import memory, transformer_step
from benchmarks.processor import precisions
from benchmarks.tokens import zipf_tokens

TINY = transformer_step.TransformerSetting(
    vocabulary=13, layers=2, heads=2, width=8, length=6, rows=3, max_norm=1e9
)


def gpt2_with_weights_of(ours: Any) -> Any:
    """GPT-2 keeps its matrices transposed."""
    gpt2 = transformer_step.gpt2_model(TINY)
    base = ours.model
    pairs = [
        (gpt2.transformer.wte, base.embed_tokens),
        (gpt2.transformer.wpe, base.embed_positions),
        (gpt2.transformer.ln_f, base.norm),
    ]
    for theirs, layer in zip(gpt2.transformer.h, base.layers, strict=True):
        pairs += [
            (theirs.ln_1, layer.attention_norm),
            (theirs.attn.c_attn, layer.attention.qkv_proj),
            (theirs.attn.c_proj, layer.attention.o_proj),
            (theirs.ln_2, layer.feed_forward_norm),
            (theirs.mlp.c_fc, layer.feed_forward.up_proj),
            (theirs.mlp.c_proj, layer.feed_forward.down_proj),
        ]
    with torch.no_grad():
        for theirs, part in pairs:
            transposed = type(theirs).__name__ == "Conv1D"
            theirs.weight.copy_(part.weight.t() if transposed else part.weight)
            if hasattr(part, "bias"):
                theirs.bias.copy_(part.bias)
    return gpt2


def test_gpt2_with_our_weights_learns_the_same() -> None:
    ours = transformer_step.our_model(TINY)
    ours.lm_head.bias.requires_grad_(False)  # GPT-2 has none
    tokens = zipf_tokens(100, TINY.vocabulary)
    gpt2_loop = transformer_step.gpt2_loop(gpt2_with_weights_of(ours), TINY, tokens, bf16=False)
    our_loop = transformer_step.our_loop(ours, TINY, tokens, bf16=False)
    losses = [(our_loop(), gpt2_loop()) for _ in range(8)]
    for found, theirs in losses:
        assert found == pytest.approx(theirs, rel=1e-5)
    assert losses[-1][0] < losses[0][0]


def test_rows_in_every_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "peak_bytes", lambda way, steps: 7)
    rows = list(transformer_step.transformer_step(1, TINY))
    assert [row.name.split(", ")[-1] for row in rows] == [*precisions()]
    assert all(list(row.medians) == ["ours", "GPT-2"] == list(row.peak_bytes) for row in rows)
    assert all(row.amount == 18 for row in rows)
