"""Labelled texts as token ids, one after the other, without padding."""

import hashlib
import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor
from torch.utils.data import Dataset
from transformers import PreTrainedTokenizerBase

from ..cache_folder import cache_folder
from .encoding import plain_backend
from .labelled_texts import LabelledTexts
from .token_cache import from_cache

_BATCH = 1_000
"""Texts that are tokenized in parallel."""


class RaggedTexts(Dataset):
    """Token ids of texts, and the class of each.

    Args:
        tokens: Ids of all texts, one after the other.
        borders: The start of each text, and the end of the last one.
        labels: Class of each text.

    Shape:
        tokens: (tokens,); borders: (texts + 1,); labels: (texts,).
    """

    def __init__(
        self, tokens: NDArray[np.integer], borders: NDArray[np.integer], labels: Sequence[int]
    ) -> None:
        self.tokens, self.borders, self.labels = tokens, borders, list(labels)

    @property
    def contents(self) -> tuple[NDArray[np.integer], ...]:
        """What is read: see `dataset_hash`."""
        return self.tokens, self.borders, np.asarray(self.labels)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> dict[str, NDArray[np.int64] | int]:
        ids = self.tokens[self.borders[index] : self.borders[index + 1]]
        return {"input_ids": ids.astype(np.int64), "labels": self.labels[index]}


def ragged_batch(rows: list[dict[str, NDArray[np.int64] | int]]) -> dict[str, Tensor]:
    """The texts of a batch one after the other, as `DANModel` takes them.

    Shape:
        labels, lengths: (texts,); input_ids: (tokens,).
    """
    ids = [torch.from_numpy(row["input_ids"]) for row in rows]
    return {
        # first: Trainer takes the length of the first tensor for the number of texts
        "labels": torch.tensor([row["labels"] for row in rows]),
        "lengths": torch.tensor([len(text) for text in ids]),
        "input_ids": torch.cat(ids),
    }


def encode_texts(
    texts: LabelledTexts,
    tokenizer: PreTrainedTokenizerBase,
    cache_dir: str | Path | None = None,
) -> RaggedTexts:
    """Texts as token ids, from the cache if they are there.

    The name in the cache is a hash of the texts and of the tokenizer.

    Args:
        texts: The texts and their classes.
        tokenizer: A fast tokenizer.
        cache_dir: See `cache_folder`.

    Raises:
        LmcourseError: The cache cannot be written.
    """
    backend = plain_backend(tokenizer)
    key = hashlib.sha256(backend.to_str().encode())
    key.update(json.dumps(texts.texts).encode())
    path = cache_folder(cache_dir) / f"{key.hexdigest()[:32]}.npz"
    from_cache(path, partial(_write_texts, texts, backend))
    with np.load(path, allow_pickle=False) as arrays:
        return RaggedTexts(arrays["tokens"], arrays["borders"], texts.labels)


def _write_texts(texts: LabelledTexts, backend: Tokenizer, file: BinaryIO) -> dict[str, int]:
    lists = []
    for start in range(0, len(texts), _BATCH):
        batch = texts.texts[start : start + _BATCH]
        encodings = backend.encode_batch_fast(batch, add_special_tokens=False)
        lists += [np.asarray(encoding.ids, np.int32) for encoding in encodings]
    borders = np.cumsum([0, *map(len, lists)])
    np.savez(file, tokens=np.concatenate(lists), borders=borders)
    return {}
