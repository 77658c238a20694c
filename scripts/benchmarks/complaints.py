"""The networks of two public reports that `torch.nn.LSTM` is slow on a processor."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from hf_lmcourse.layers.lstm import LSTMLayer

from .dan_epoch import random_texts
from .timing import Comparison, Side, compare

__all__ = [
    "ReportedSetting",
    "ReviewClassifier",
    "complaints",
    "padded_reviews",
    "review_step",
    "two_layers",
]


@dataclass(frozen=True)
class ReportedSetting:
    """The sizes of both reports.

    Attributes:
        batch, length, width: Of pytorch/pytorch#81634, a forward pass of two layers.
        reviews, words, vocabulary, embedding, hidden, dropout: Of pytorch/pytorch#94457, training
            on the film reviews of IMDB: the texts of a batch, the words that are read of each, and
            the sizes of the network.

    Reference:
        github.com/pytorch/pytorch/issues/81634, "Simple LSTM ~260x slower on AMD CPU vs Intel CPU";
        github.com/pytorch/pytorch/issues/94457, "LSTM on CPU is significantly slower on PyTorch
        compared to other frameworks".
    """

    batch: int = 8
    length: int = 2_000
    width: int = 256
    reviews: int = 256
    words: int = 500
    vocabulary: int = 10_000
    embedding: int = 32
    hidden: int = 100
    dropout: float = 0.15


def complaints(repeats: int = 9, setting: ReportedSetting | None = None) -> Iterator[Comparison]:
    """Time both networks with our layers and with `torch.nn.LSTM`, in float32 as reported."""
    setting = setting or ReportedSetting()
    library = "torch.nn.LSTM"
    layers = {"ours": _our_layers(setting.width), library: _library_layers(setting.width)}
    torch.manual_seed(0)
    x = torch.rand(setting.batch, setting.length, setting.width)
    state = torch.rand(2, 2, setting.batch, setting.width)
    yield compare(
        "two LSTM layers, forward (pytorch/pytorch#81634)",
        f"{setting.batch} x {setting.length} x {setting.width}",
        [Side(name, partial(two_layers, each, x, state)) for name, each in layers.items()],
        repeats,
        amount=setting.batch * setting.length,
        unit="tokens",
        aims={library: 1.0},
    )
    ids, labels = padded_reviews(setting)
    networks = {
        "ours": ReviewClassifier(setting, LSTMLayer(setting.embedding, setting.hidden)),
        library: ReviewClassifier(
            setting, nn.LSTM(setting.embedding, setting.hidden, batch_first=True)
        ),
    }
    yield compare(
        "LSTM classifier, training step (pytorch/pytorch#94457)",
        f"{setting.reviews} x {setting.words} words, {setting.embedding} to {setting.hidden}",
        [Side(name, review_step(each, ids, labels)) for name, each in networks.items()],
        repeats,
        amount=setting.reviews,
        unit="texts",
        aims={library: 1.0},
    )


def _our_layers(width: int) -> nn.ModuleList:
    return nn.ModuleList(LSTMLayer(width, width) for _ in range(2))


def _library_layers(width: int) -> nn.LSTM:
    return nn.LSTM(width, width, num_layers=2, batch_first=True)


def two_layers(layers: Any, x: Tensor, state: Tensor) -> Tensor:
    """Run two layers; gradients could be computed afterwards, as in the report.

    Args:
        layers: A list of ours, or the library's module of both.
        x: The input vectors.
        state: h and c of both layers.

    Shape:
        x, result: (batch, length, width); state: (2, 2, batch, width).
    """
    if isinstance(layers, nn.LSTM):
        return layers(x, tuple(state))[0]
    for layer, h, c in zip(layers, *state, strict=True):
        x, _ = layer(x, (h, c))
    return x


class ReviewClassifier(nn.Module):
    """The network of the second report: the last h of an LSTM, and one logit.

    Args:
        setting: The sizes.
        lstm: One layer, ours or the library's.

    Shape:
        ids: (texts, length); logits: (texts,).
    """

    def __init__(self, setting: ReportedSetting, lstm: nn.Module) -> None:
        super().__init__()
        self.embedding = nn.Embedding(setting.vocabulary, setting.embedding)
        self.lstm = lstm
        self.dropout = nn.Dropout(setting.dropout)
        self.output = nn.Linear(setting.hidden, 1)

    def forward(self, ids: Tensor) -> Tensor:
        """Return the logit of each text; padding is on the left, and read like a word."""
        hidden = self.lstm(self.dropout(self.embedding(ids)))[0]  # (texts, length, hidden)
        return self.output(self.dropout(hidden[:, -1])).flatten()


def padded_reviews(setting: ReportedSetting) -> tuple[Tensor, Tensor]:
    """Draw reviews of random words, cut to their end or padded on the left with 0; and labels.

    Shape:
        results: (reviews, words), (reviews,).
    """
    texts = random_texts(setting.reviews)
    ids = np.zeros((setting.reviews, setting.words), np.int64)
    for row, text in zip(ids, map(texts.__getitem__, range(setting.reviews)), strict=True):
        words = np.asarray(text["input_ids"])[-setting.words :]
        row[len(row) - len(words) :] = words % setting.vocabulary
    return torch.from_numpy(ids), torch.tensor(texts.labels, dtype=torch.float32)


def review_step(model: nn.Module, ids: Tensor, labels: Tensor) -> Callable[[], float]:
    """Return a function that does a step of Adam on a batch, and returns its loss in nats."""
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

    def step() -> float:
        optimizer.zero_grad()
        loss = binary_cross_entropy_with_logits(model(ids), labels)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step
