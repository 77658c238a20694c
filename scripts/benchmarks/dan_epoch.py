"""An epoch of our deep averaging network, compared with the usual padded one."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pad_sequence

from hf_lmcourse.data.ragged import RaggedTexts, ragged_batch
from hf_lmcourse.models.dan import DANConfig, DANForSequenceClassification

from .timing import Comparison, Side, compare

__all__ = ["batches_of", "dan_epoch", "random_texts", "train_epoch"]

Batch = list[dict[str, Any]]
"""The rows of a batch, as `RaggedTexts` has them."""

VOCABULARY, WIDTH, BATCH = 40_000, 300, 50


class PaddedDAN(nn.Module):
    """The usual way: padding, `nn.Embedding`, a masked mean, dense gradients."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, WIDTH, padding_idx=0)
        self.layers = nn.Sequential(
            nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH), nn.ReLU()
        )
        self.classifier = nn.Linear(WIDTH, 2)

    def forward(self, ids: Tensor) -> Tensor:
        """Return the logits.

        Shape:
            ids: (texts, length); result: (texts, 2).
        """
        mask = (ids != 0).unsqueeze(-1)
        mean = (self.embedding(ids) * mask).sum(1) / mask.sum(1).clamp(min=1)
        return self.classifier(self.layers(mean))


def random_texts(texts: int, seed: int = 0) -> RaggedTexts:
    """Draw random texts with the lengths and word frequencies of film reviews.

    Lengths are log-normal with a median of 210 words, and words follow Zipf's law.
    """
    rng = np.random.default_rng(seed)
    lengths = np.clip(rng.lognormal(np.log(210), 0.6, texts).astype(int), 10, 1_500)
    p = 1 / np.arange(1, VOCABULARY)
    tokens = 1 + rng.choice(VOCABULARY - 1, size=int(lengths.sum()), p=p / p.sum())
    borders = np.concatenate([[0], np.cumsum(lengths)])
    return RaggedTexts(tokens.astype(np.int32), borders, rng.integers(2, size=texts).tolist())


def batches_of(data: RaggedTexts) -> list[Batch]:
    """Cut texts into batches, in order."""
    rows = [data[i] for i in range(len(data))]
    return [rows[start : start + BATCH] for start in range(0, len(rows), BATCH)]


def train_epoch(model: nn.Module, optimizer: torch.optim.Optimizer, batches: list[Batch]) -> None:
    """Take a step of one of our classifiers on each batch."""
    for rows in batches:
        optimizer.zero_grad()
        loss: Any = model(**ragged_batch(rows)).loss
        loss.backward()
        optimizer.step()


def dan_epoch(repeats: int = 9, texts: int = 1_000) -> Iterator[Comparison]:
    """Time an epoch of training: ours without padding and with sparse gradients, and `PaddedDAN`.

    Both sides have the same batches and sizes, Adagrad, and no word dropout.
    """
    data = random_texts(texts)
    batches = batches_of(data)
    torch.manual_seed(0)
    config = DANConfig(  # two classes are the default of transformers
        vocab_size=VOCABULARY,
        embedding_size=WIDTH,
        hidden_size=WIDTH,
        num_hidden_layers=2,
        word_dropout=0.0,
        sparse_gradients=True,
    )
    ours, padded = DANForSequenceClassification(config).train(), PaddedDAN()
    our_optimizer = torch.optim.Adagrad(ours.parameters(), lr=0.01)
    its_optimizer = torch.optim.Adagrad(padded.parameters(), lr=0.01)

    def padded_epoch() -> None:
        for rows in batches:
            ids = pad_sequence([torch.from_numpy(row["input_ids"]) for row in rows], True)
            loss = cross_entropy(padded(ids), torch.tensor([row["labels"] for row in rows]))
            its_optimizer.zero_grad()
            loss.backward()
            its_optimizer.step()

    sides = [
        Side("ours", partial(train_epoch, ours, our_optimizer, batches)),
        Side("padded, dense gradients", padded_epoch),
    ]
    yield compare("DAN, training", f"{texts} texts, {VOCABULARY} x {WIDTH}", sides, repeats, 0.0)
