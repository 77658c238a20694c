"""Tiny models and texts for adaptation at test time."""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from hf_lmcourse import (
    GRUConfig,
    GRUForCausalLM,
    LSTMConfig,
    LSTMForCausalLM,
    NGramFNNConfig,
    NGramFNNForCausalLM,
    TransformerConfig,
    TransformerForCausalLM,
)
from hf_lmcourse.evaluation.corpus_scores import scoring_data

VOCABULARY = 7


def model_of(kind: str, **changes: Any) -> Any:
    """A tiny float64 model with random weights."""
    torch.manual_seed(0)
    sizes = {"vocab_size": VOCABULARY, "hidden_size": 6, **changes}
    model: Any = {
        "lstm": lambda: LSTMForCausalLM(LSTMConfig(**sizes)),
        "gru": lambda: GRUForCausalLM(GRUConfig(**sizes)),
        "ngram_fnn": lambda: NGramFNNForCausalLM(NGramFNNConfig(**sizes)),
        "transformer": lambda: TransformerForCausalLM(
            TransformerConfig(
                **sizes, num_attention_heads=2, num_hidden_layers=1, max_position_embeddings=8
            )
        ),
    }[kind]()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.5)
    return model.double().eval()


def some_text(length: int = 40, seed: int = 0) -> np.ndarray:
    """Random tokens."""
    return np.random.default_rng(seed).integers(VOCABULARY, size=length).astype(np.int64)


def batches_of(
    model: Any, tokens: np.ndarray, segment: int | None = None, rows: int = 1
) -> list[dict[str, Tensor]]:
    """The text as `lmcourse evaluate` reads it."""
    sizes = {"block_length" if model.carries_state else "stride": segment}
    data = scoring_data(model, tokens, rows, 0, **sizes)
    return list(DataLoader(data, batch_size=rows))
