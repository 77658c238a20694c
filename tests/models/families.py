"""The table of families that the contract tests run over; a new family adds one row.

Two of them are not the package's: minGRU and sLSTM, a file each in this folder, prove that a
family can be added without a change to the package.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import PreTrainedConfig

from hf_lmcourse import (
    BigramMLPConfig,
    BigramMLPForCausalLM,
    CharRNNConfig,
    CharRNNForCausalLM,
    GRUConfig,
    GRUForCausalLM,
    LSTMConfig,
    LSTMForCausalLM,
    NGramFNNConfig,
    NGramFNNForCausalLM,
    TransformerConfig,
    TransformerForCausalLM,
)
from hf_lmcourse.models.causal_lm import LanguageModelForCausalLM

from .min_gru import MinGRUConfig, MinGRUForCausalLM
from .slstm import SLSTMConfig, SLSTMForCausalLM

VOCABULARY = 11


@dataclass(frozen=True)
class Family:
    """One row: how to build a tiny model of a family.

    `reference` is the library's module of the same equations, where there is one; a family that has
    it is recurrent and takes `backend="torch"`. `context` is how many tokens back a prediction
    looks; `None` is all of them. `depths` are the numbers of hidden layers to try it with.
    `first_hidden` is what goes into the first layer in evaluation; `embedding_deviation` that of
    untied embeddings at the start, where it is not `initializer_range`; with `learning_rate` Adam
    learns a batch from memory in a few steps.
    """

    name: str
    config_class: type[PreTrainedConfig]
    model_class: type[LanguageModelForCausalLM]
    settings: dict[str, Any] = field(default_factory=dict)
    reference: Callable[..., nn.RNNBase] | None = None
    context: int | None = None
    depths: tuple[int, ...] = (1, 3)
    first_hidden: Callable[[Any, Tensor], Tensor] = lambda model, ids: model.model.embed_tokens(ids)
    embedding_deviation: float | None = 1.0
    learning_rate: float = 0.1

    def config(self, **changes: Any) -> PreTrainedConfig:
        """The tiny settings, with changes."""
        return self.config_class(**{"vocab_size": VOCABULARY, **self.settings, **changes})

    def initial(self, **changes: Any) -> LanguageModelForCausalLM:
        """A tiny model as its own initialisation makes it, the same at every call."""
        torch.manual_seed(0)
        return self.model_class(self.config(**changes)).eval()

    def random(self, *, seed: int = 0, std: float = 0.5, **changes: Any) -> Any:
        """A tiny float64 model with every weight and bias drawn from a normal distribution."""
        model = self.initial(**changes).double()
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.normal_(std=std, generator=generator)
        return model


TWO_LAYERS = {"embedding_size": 12, "hidden_size": 16, "num_hidden_layers": 2}

TWO_BLOCKS = {**TWO_LAYERS, "num_attention_heads": 2, "max_position_embeddings": 40}


def projected_and_placed(model: Any, ids: Tensor) -> Tensor:
    """Embeddings brought to the width of the layers, plus learned positions."""
    body = model.model
    return (
        body.embedding_projection(body.embed_tokens(ids))
        + body.embed_positions.weight[: ids.shape[1]]
    )


FAMILIES = [
    Family("char_rnn", CharRNNConfig, CharRNNForCausalLM, TWO_LAYERS, nn.RNN),
    Family("lstm", LSTMConfig, LSTMForCausalLM, TWO_LAYERS, nn.LSTM),
    Family("gru", GRUConfig, GRUForCausalLM, TWO_LAYERS, nn.GRU),
    Family(
        "ngram_fnn",
        NGramFNNConfig,
        NGramFNNForCausalLM,
        {**TWO_LAYERS, "context_size": 3},
        context=3,
    ),
    Family(
        "bigram_mlp",
        BigramMLPConfig,
        BigramMLPForCausalLM,
        {"embedding_size": 12, "hidden_size": 16},
        context=1,
        depths=(1,),
    ),
    Family(
        "transformer",
        TransformerConfig,
        TransformerForCausalLM,
        TWO_BLOCKS,
        first_hidden=projected_and_placed,
        embedding_deviation=None,
        learning_rate=0.015,
    ),
]

NEW_FAMILIES = [
    Family("min_gru", MinGRUConfig, MinGRUForCausalLM, TWO_LAYERS),
    Family("slstm", SLSTMConfig, SLSTMForCausalLM, TWO_LAYERS),
]
"""Families of somebody else."""

OUTPUT_LAYERS: dict[str, dict[str, Any]] = {
    "full": {},
    "tied": {"output_layer": "tied", "embedding_size": 16},
    "tied_with_projection": {"output_layer": "tied", "embedding_size": 12},
    "mixture": {"num_softmaxes": 3},
    "tied_mixture": {"output_layer": "tied", "embedding_size": 12, "num_softmaxes": 2},
    "adaptive": {"output_layer": "adaptive", "adaptive_cutoffs": [4, 8]},
}

every_family = pytest.mark.parametrize(
    "family", [*FAMILIES, *NEW_FAMILIES], ids=lambda family: family.name
)
every_own_family = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
every_recurrent_family = pytest.mark.parametrize(
    "family", [f for f in FAMILIES if f.reference], ids=lambda family: family.name
)
every_family_with_a_state = pytest.mark.parametrize(
    "family",
    [f for f in [*FAMILIES, *NEW_FAMILIES] if f.model_class.carries_state],
    ids=lambda family: family.name,
)
every_output_layer = pytest.mark.parametrize("output_layer", OUTPUT_LAYERS)


def every_family_with(*output_layers: str) -> pytest.MarkDecorator:
    """Every family with its plain output layer, and two families with the others, which all share.

    The output layers are one mixin: one recurrent family and the Transformer stand for all.
    """
    pairs = [
        (family, output_layer)
        for family in FAMILIES
        for output_layer in output_layers
        if output_layer == "full" or family.name in ("lstm", "transformer")
    ]
    return pytest.mark.parametrize(
        ("family", "output_layer"), pairs, ids=[f"{family.name}-{layer}" for family, layer in pairs]
    )


every_family_and_output_layer = every_family_with(*OUTPUT_LAYERS)


def token_ids(batch: int, length: int, *, seed: int = 0, vocabulary: int = VOCABULARY) -> Tensor:
    """Random token ids, the same at every call. Shape: (batch, length)."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(vocabulary, (batch, length), generator=generator)


def left_padded(rows: list[Tensor], padding: int = 3) -> tuple[Tensor, Tensor]:
    """Rows of several lengths as one batch, filled up with an ordinary token, and its mask."""
    length = max(len(row) for row in rows)
    ids = torch.full((len(rows), length), padding)
    mask = torch.zeros_like(ids)
    for index, row in enumerate(rows):
        ids[index, length - len(row) :] = row
        mask[index, length - len(row) :] = 1
    return ids, mask


def gradients(model: nn.Module, value: Tensor) -> dict[str, Tensor]:
    """The gradient of a scalar with respect to every parameter that it depends on, by name."""
    names, parameters = zip(*model.named_parameters(), strict=True)
    grads = torch.autograd.grad(value, parameters, allow_unused=True)
    return {name: g for name, g in zip(names, grads, strict=True) if g is not None}


def assert_close(actual: Any, expected: Any, tolerance: float = 1e-10) -> None:
    """Equal up to float64 rounding."""
    torch.testing.assert_close(actual, expected, rtol=tolerance, atol=tolerance)
