"""What a user would write with torch alone, and what both sides of a training step share."""

from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["PlainLSTM", "update"]

State = tuple[Tensor, Tensor]


class PlainLSTM(nn.Module):
    """`torch.nn.LSTM` between an embedding and a linear layer on the same matrix.

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
        """The logits, and the state that the next block begins with."""
        hidden, state = self.lstm(self.dropout(self.embedding(ids)), state)
        return self.output(self.dropout(hidden)), state


def update(model: nn.Module, optimizer: torch.optim.Optimizer, loss: Any, max_norm: float) -> None:
    """Gradients, clipping, a step of the optimizer."""
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), max_norm)
    optimizer.step()
