"""A training step of an LSTM on WikiText-2, compared with a plain PyTorch loop."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from hf_lmcourse.models import LSTMConfig, LSTMForCausalLM
from hf_lmcourse.models.carried_states import detach_state

from .memory import Way, compare_ways
from .plain import PlainLSTM, update
from .processor import precisions
from .timing import Comparison
from .tokens import block_cycle, word_tokens

__all__ = [
    "StepSetting",
    "our_loop",
    "our_model",
    "our_step",
    "plain_loop",
    "plain_step",
    "wikitext2_step",
]

Tokens = NDArray[np.integer]
Blocks = Iterator[tuple[Tensor, Tensor]]
Step = Callable[[], float]
_BLOCKS = 30
"""Number of blocks of the corpus that are cycled through."""


@dataclass(frozen=True)
class StepSetting:
    """The sizes of configs/lstm_wikitext2.yaml."""

    vocabulary: int = 33_278
    width: int = 200
    layers: int = 2
    streams: int = 20
    length: int = 35
    num_sampled: int = 4_000
    dropout: float = 0.2
    learning_rate: float = 20.0
    max_norm: float = 0.25

    def __str__(self) -> str:
        sizes = f"{self.layers} x {self.width}, {self.streams} x {self.length} tokens"
        return f"LSTM {sizes}, {self.vocabulary:,} words"


def our_model(setting: StepSetting, sampled: bool) -> LSTMForCausalLM:
    """Build our LSTM, with its loss over all words or over a sample of them."""
    torch.manual_seed(0)
    config = LSTMConfig(
        vocab_size=setting.vocabulary,
        hidden_size=setting.width,
        num_hidden_layers=setting.layers,
        output_layer="tied",
        num_sampled=setting.num_sampled if sampled else None,
        sparse_gradients=sampled,
        embedding_dropout=setting.dropout,
        hidden_dropout=setting.dropout,
        output_dropout=setting.dropout,
    )
    return LSTMForCausalLM(config).train()


def our_loop(model: Any, setting: StepSetting, blocks: Blocks, bf16: bool) -> Step:
    """Return a step of our Trainer: carried state, a loss without the matrix of all logits.

    Returns:
        A function that trains on the next block and returns its loss, in nats per token.
    """
    optimizer = torch.optim.SGD(model.parameters(), lr=setting.learning_rate)
    state: Any = None

    def step() -> float:
        nonlocal state
        inputs, targets = next(blocks)
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            outputs: Any = model(
                input_ids=inputs,
                shift_labels=targets,
                past_key_values=state,
                use_cache=True,
                skip_logits=True,
            )
        state = detach_state(outputs.past_key_values)
        update(model, optimizer, outputs.loss, setting.max_norm)
        return outputs.loss.item()

    return step


def plain_loop(model: PlainLSTM, setting: StepSetting, blocks: Blocks, bf16: bool) -> Step:
    """Return the plain step: all logits and `cross_entropy`; see `our_loop`."""
    optimizer = torch.optim.SGD(model.parameters(), lr=setting.learning_rate)
    state = None

    def step() -> float:
        nonlocal state
        inputs, targets = next(blocks)
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            logits, (h, c) = model(inputs, state)
            loss = cross_entropy(logits.flatten(0, 1), targets.flatten())
        state = h.detach(), c.detach()
        update(model, optimizer, loss, setting.max_norm)
        return loss.item()

    return step


def our_step(setting: StepSetting, tokens: Tokens, bf16: bool, sampled: bool) -> Step:
    """Return `our_loop` of `our_model`."""
    blocks = block_cycle(tokens, setting.streams, setting.length)
    return our_loop(our_model(setting, sampled), setting, blocks, bf16)


def plain_step(setting: StepSetting, tokens: Tokens, bf16: bool) -> Step:
    """Return `plain_loop` of a `PlainLSTM` of the same sizes."""
    torch.manual_seed(0)
    model = PlainLSTM(setting.vocabulary, setting.width, setting.layers, setting.dropout)
    blocks = block_cycle(tokens, setting.streams, setting.length)
    return plain_loop(model, setting, blocks, bf16)


def wikitext2_step(
    repeats: int = 9, setting: StepSetting | None = None, memory: bool = True
) -> Iterator[Comparison]:
    """Time a step with sampled softmax and with all words, in bf16 and in float32.

    The other sides are the plain loop in float32, and under autocast to bf16.
    """
    setting = setting or StepSetting()
    count = _BLOCKS * setting.streams * setting.length + 1
    tokens, source = word_tokens("wikitext-2", setting.vocabulary, count)
    for name, bf16, sampled, aims in (
        (f"step, sample of {setting.num_sampled:,} words, bf16", True, True, {"plain loop": 5.0}),
        ("step, all words, bf16", True, False, {"plain loop": 2.2}),
        (f"step, sample of {setting.num_sampled:,} words, float32", False, True, {}),
        ("step, all words, float32", False, False, {}),
    ):
        if bf16 and "bf16" not in precisions():
            continue
        ways: dict[str, Way] = {
            "ours": partial(our_step, setting, tokens, bf16, sampled),
            "plain loop": partial(plain_step, setting, tokens, False),
        }
        if bf16:
            ways["plain loop, bf16"] = partial(plain_step, setting, tokens, True)
        amount = setting.streams * setting.length
        details: dict[str, Any] = {"amount": amount, "unit": "tokens", "aims": aims}
        yield compare_ways(name, f"{setting}, {source}", ways, repeats, memory, **details)
