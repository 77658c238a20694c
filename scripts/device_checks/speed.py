"""Speed and memory on a device: recurrences against the library, a Transformer against GPT-2."""

import copy
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from transformers import GPT2Config, GPT2LMHeadModel

from benchmarks.recurrent_layers import SHAPES
from benchmarks.timing import Side, compare
from hf_lmcourse import TransformerConfig, TransformerForCausalLM
from hf_lmcourse.layers.gru import GRULayer
from hf_lmcourse.layers.lstm import LSTMLayer

__all__ = ["memory", "speed"]

_LAYERS: dict[str, tuple[type[nn.Module], type[nn.Module]]] = {
    "LSTM": (LSTMLayer, nn.LSTM),
    "GRU": (GRULayer, nn.GRU),
}
_VOCABULARY = 65
_SIZES = {"hidden": 384, "layers": 6, "heads": 6, "length": 256, "batch": 64}
_QUICK = {"hidden": 32, "layers": 1, "heads": 2, "length": 16, "batch": 2}


def speed(device: torch.device, quick: bool = False) -> Iterator[dict[str, Any]]:
    """Time a training step of each recurrent layer, and of Transformers of nanoGPT's size.

    Args:
        device: Where.
        quick: One small shape and one repeat, to try the code.

    Yields:
        Comparisons, ours first; see `benchmarks.timing.Comparison`.
    """
    repeats = 1 if quick else 5
    for name, (ours, librarys) in _LAYERS.items():
        for steps, batch, width in [(4, 2, 8)] if quick else SHAPES:
            x = torch.randn(batch, steps, width, device=device)
            sides = {
                "ours, as it chooses": ours(width, width).to(device),
                f"torch.nn.{librarys.__name__}": librarys(width, width, batch_first=True).to(
                    device
                ),
                "ours, native": ours(width, width, backend="native").to(device),
            }
            timed = [Side(n, partial(_layer_step, layer, x)) for n, layer in sides.items()]
            setting = f"{steps} x {batch} x {width}"
            yield compare(
                f"{name}, training", setting, timed, repeats, 0.0 if quick else None
            ).as_dict()
    sizes = _QUICK if quick else _SIZES
    ids = torch.randint(0, _VOCABULARY, (sizes["batch"], sizes["length"]), device=device)
    timed = [
        Side(name, partial(_model_step, model, ids)) for name, model in _transformers(device, sizes)
    ]
    setting = "{layers} x {hidden}, {batch} x {length} tokens, bf16".format(**sizes)
    yield compare(
        "Transformer, training", setting, timed, repeats, 0.0 if quick else None,
        amount=ids.numel(), unit="tokens",
    ).as_dict()  # fmt: skip


def memory(device: torch.device, quick: bool = False) -> Iterator[dict[str, Any]]:
    """Peak memory of a training step of both Transformers; nothing on a processor.

    Yields:
        A row for each: `name`, `peak_bytes`.
    """
    if device.type != "cuda":
        return
    sizes = _QUICK if quick else _SIZES
    ids = torch.randint(0, _VOCABULARY, (sizes["batch"], sizes["length"]), device=device)
    for name, model in _transformers(device, sizes):
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
        _model_step(copy.deepcopy(model), ids)
        yield {"name": name, "peak_bytes": torch.cuda.max_memory_allocated(device)}


def _transformers(device: torch.device, sizes: dict[str, int]) -> list[tuple[str, nn.Module]]:
    ours = TransformerForCausalLM(
        TransformerConfig(
            vocab_size=_VOCABULARY, hidden_size=sizes["hidden"], output_layer="tied",
            num_hidden_layers=sizes["layers"], num_attention_heads=sizes["heads"],
            max_position_embeddings=sizes["length"],
        )
    )  # fmt: skip
    gpt2 = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=_VOCABULARY, n_embd=sizes["hidden"], n_layer=sizes["layers"],
            n_head=sizes["heads"], n_positions=sizes["length"],
            resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
        )
    )  # fmt: skip
    return [("ours", ours.to(device).train()), ("GPT-2 of transformers", gpt2.to(device).train())]


def _layer_step(layer: Callable[[Tensor], Any], x: Tensor) -> None:
    assert isinstance(layer, nn.Module)
    layer.zero_grad(set_to_none=True)
    layer(x)[0].sum().backward()
    _wait(x.device)


def _model_step(model: nn.Module, ids: Tensor) -> None:
    model.zero_grad(set_to_none=True)
    with torch.autocast(ids.device.type, torch.bfloat16):
        loss = model(input_ids=ids, labels=ids).loss
    loss.backward()
    _wait(ids.device)


def _wait(device: torch.device) -> None:
    """A GPU computes on after the call returns."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
