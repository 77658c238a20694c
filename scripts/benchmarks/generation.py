"""`generate()` with our models, compared with a GPT-2 of as many parameters."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor
from transformers.generation import BaseStreamer

from hf_lmcourse.models import (
    GRUConfig,
    GRUForCausalLM,
    LSTMConfig,
    LSTMForCausalLM,
    NGramFNNConfig,
    NGramFNNForCausalLM,
    TransformerConfig,
    TransformerForCausalLM,
)

from .optional import not_installed
from .plain import gpt2
from .step_graph import StepGraphSession
from .timing import Comparison, Side, compare

__all__ = ["FAMILIES", "GenerationSetting", "generate", "generation", "gpt2_model", "our_model"]

_MULTIPLE = 8
"""Widths are multiples of it, so that the heads divide them evenly."""

_GRAPH = "ONNX Runtime, step.onnx"

_LONG_REPEATS = 5
"""Maximal number of repeats for a long text."""


@dataclass(frozen=True)
class GenerationSetting:
    """The sizes of GPT-2, which ours have to match, and the number of tokens to generate."""

    vocabulary: int = 65
    layers: int = 6
    heads: int = 4
    width: int = 128
    positions: int = 1_024
    prompt: int = 8
    tokens: int = 64
    batches: tuple[int, ...] = (1, 64)
    long: int = 10_000
    piece: int = 1_000


def _lstm(setting: GenerationSetting, width: int) -> Any:
    return LSTMForCausalLM(LSTMConfig(**_common(setting, width), num_hidden_layers=2))


def _gru(setting: GenerationSetting, width: int) -> Any:
    return GRUForCausalLM(GRUConfig(**_common(setting, width), num_hidden_layers=2))


def _fnn(setting: GenerationSetting, width: int) -> Any:
    sizes = _common(setting, width)
    return NGramFNNForCausalLM(NGramFNNConfig(**sizes, num_hidden_layers=2, context_size=4))


def _transformer(setting: GenerationSetting, width: int) -> Any:
    config = TransformerConfig(
        **_common(setting, width),
        num_hidden_layers=setting.layers,
        num_attention_heads=setting.heads,
        max_position_embeddings=setting.positions,
    )
    return TransformerForCausalLM(config)


def _common(setting: GenerationSetting, width: int) -> dict[str, Any]:
    return {"vocab_size": setting.vocabulary, "hidden_size": width, "output_layer": "tied"}


FAMILIES: dict[str, Callable[[GenerationSetting, int], Any]] = {
    "LSTM": _lstm,
    "GRU": _gru,
    "Transformer": _transformer,
    "FNN": _fnn,
}
"""Functions that build our models of a given width; those without attention have two layers."""


def gpt2_model(setting: GenerationSetting) -> Any:
    """Build GPT-2 in evaluation mode."""
    sizes = (setting.vocabulary, setting.width, setting.layers, setting.heads, setting.positions)
    return gpt2(*sizes).eval()


def our_model(setting: GenerationSetting, family: str, parameters: int) -> Any:
    """Build our model of a family, of the width with the nearest number of parameters."""
    build = partial(FAMILIES[family], setting)
    torch.manual_seed(0)
    low, high = _MULTIPLE, _MULTIPLE
    while build(high).num_parameters() < parameters:
        low, high = high, 2 * high
    while high - low > _MULTIPLE:
        middle = (low + high) // (2 * _MULTIPLE) * _MULTIPLE
        if build(middle).num_parameters() < parameters:
            low = middle
        else:
            high = middle
    nearest = min((build(low), build(high)), key=lambda m: abs(m.num_parameters() - parameters))
    return nearest.eval()


def generate(model: Any, prompt: Tensor, tokens: int, streamer: BaseStreamer | None = None) -> Any:
    """Generate new tokens by greedy decoding with the model's cache.

    Shape:
        prompt: (batch, length); result: (batch, length + tokens).
    """
    return model.generate(
        prompt,
        attention_mask=torch.ones_like(prompt),
        max_new_tokens=tokens,
        do_sample=False,
        pad_token_id=0,
        streamer=streamer,
    )


class _Clock(BaseStreamer):
    """Records when each token arrives; the first call is the prompt."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def put(self, value: Tensor) -> None:
        self.times.append(time.perf_counter())

    def end(self) -> None:
        pass


def generation(repeats: int = 9, setting: GenerationSetting | None = None) -> Iterator[Comparison]:
    """Time generation of every family; then the first and last tokens of a long text.

    At batch size 1 the same model is also timed as a graph in ONNX Runtime, if that is installed.
    """
    setting = setting or GenerationSetting()
    theirs = gpt2_model(setting)
    parameters = theirs.num_parameters()
    models = {family: our_model(setting, family, parameters) for family in FAMILIES}
    missing = not_installed("onnx", "onnx", "onnxscript", "onnxruntime")
    for family, ours in models.items():
        for batch in setting.batches:
            prompt = torch.randint(setting.vocabulary, (batch, setting.prompt))
            sides = [
                Side(name, partial(generate, model, prompt, setting.tokens))
                for name, model in (("ours", ours), ("GPT-2", theirs))
            ]
            if batch == 1 and not missing:
                graph = StepGraphSession(ours)
                sides.append(Side(_GRAPH, partial(graph.generate, prompt.numpy(), setting.tokens)))
            counts = f"{ours.num_parameters():,} and {parameters:,} parameters"
            yield compare(
                f"{family}, generating",
                f"batch {batch}, {setting.tokens} tokens, {counts}",
                sides,
                repeats,
                amount=batch * setting.tokens,
                unit="tokens",
                aims={"GPT-2": 2.0 if batch == 1 else 3.0},
                unmeasured={_GRAPH: missing} if batch == 1 and missing else {},
            )
    for family in ("LSTM", "GRU"):
        yield _constancy(family, models[family], setting, repeats)


def _constancy(family: str, model: Any, setting: GenerationSetting, repeats: int) -> Comparison:
    """Measure seconds per token at the beginning and at the end of a long text."""
    prompt = torch.zeros(1, 1, dtype=torch.long)
    generate(model, prompt, setting.piece)
    piece = setting.piece
    last, first = f"last {piece:,}", f"first {piece:,}"
    seconds: dict[str, list[float]] = {last: [], first: []}
    for _ in range(min(repeats, _LONG_REPEATS)):
        clock = _Clock()
        generate(model, prompt, setting.long, clock)
        times = clock.times
        seconds[last].append((times[-1] - times[-1 - piece]) / piece)
        seconds[first].append((times[piece] - times[0]) / piece)
    setting_text = f"batch 1, {setting.long:,} tokens"
    return Comparison(f"{family}, a token", setting_text, seconds, unit="tokens")
