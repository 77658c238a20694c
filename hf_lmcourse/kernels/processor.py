"""What this processor multiplies."""

from functools import cache

import torch


@cache
def has_amx() -> bool:
    """Whether it multiplies tiles of bfloat16 (Intel AMX)."""
    found = torch.cpu.get_capabilities()
    return bool(found.get("amx_tile") and found.get("amx_bf16"))


@cache
def has_avx2_alone() -> bool:
    """Whether it has the vectors of AVX2 and not the longer ones of AVX-512."""
    found = torch.cpu.get_capabilities()
    return bool(found.get("avx2") and not found.get("avx512_f"))


@cache
def multiplies_bfloat16() -> bool:
    """Whether oneDNN has products of bfloat16 for it: of those of x86, for one with AVX-512.

    On others torch computes them without oneDNN, several times as slowly as in float32, and its
    LSTM is an error under autocast.
    """
    return torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()
