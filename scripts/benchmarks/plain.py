"""The other sides of the comparisons: an LSTM of torch.nn and the GPT-2 of transformers."""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import GPT2Config, GPT2LMHeadModel

from hf_lmcourse.training.sparse_gradients import clip_gradients

__all__ = ["PlainLSTM", "gpt2", "update"]

State = tuple[Tensor, Tensor]


class PlainLSTM(nn.Module):
    """A `torch.nn.LSTM` language model with tied input and output embeddings.

    Shape:
        ids: (batch, length); logits: (batch, length, vocabulary).
    """

    def __init__(self, vocabulary: int, width: int, layers: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.lstm = nn.LSTM(width, width, layers, dropout=dropout, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(width, vocabulary)
        self.output.weight = self.embedding.weight
        nn.init.normal_(self.embedding.weight, std=0.1)

    def forward(self, ids: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Return the logits, and the state for the next block."""
        hidden, state = self.lstm(self.dropout(self.embedding(ids)), state)
        return self.output(self.dropout(hidden)), state


def gpt2(vocabulary: int, width: int, layers: int, heads: int, positions: int) -> Any:
    """Build GPT-2 of transformers without dropout, with the exact GELU of our Transformer."""
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=vocabulary,
        n_embd=width,
        n_layer=layers,
        n_head=heads,
        n_positions=positions,
        activation_function="gelu",
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        bos_token_id=None,
        eos_token_id=None,
    )
    return GPT2LMHeadModel(config)


def update(model: nn.Module, optimizer: torch.optim.Optimizer, loss: Any, max_norm: float) -> None:
    """Compute gradients, clip them as a Trainer does, and take a step of the optimizer."""
    optimizer.zero_grad()
    loss.backward()
    if any(p.grad is not None and p.grad.is_sparse for p in model.parameters()):
        clip_gradients(model, max_norm)
    else:
        nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    optimizer.step()
