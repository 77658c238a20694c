"""Hashes of what a model is trained with, by which it is recognised wherever it is."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase

from .encoding import plain_backend


def arrays_hash(arrays: Iterable[NDArray[Any]]) -> str:
    """Hash the values of arrays, read where they are: memory-mapped ones take no memory."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def file_hash(path: Path) -> str:
    """Hash the bytes of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def dataset_hash(dataset: Any) -> str | None:
    """Hash the content of a data set of this package, however it is cut; `None` for any other."""
    contents = getattr(dataset, "contents", None)
    return None if contents is None else arrays_hash(contents)


def tokenizer_hash(tokenizer: PreTrainedTokenizerBase | None) -> str | None:
    """Hash everything that determines the ids of a fast tokenizer; `None` for any other."""
    if getattr(tokenizer, "backend_tokenizer", None) is None:
        return None
    assert tokenizer is not None
    special = sorted(tokenizer.special_tokens_map.items(), key=str)
    state = [json.loads(plain_backend(tokenizer).to_str()), tokenizer.split_special_tokens, special]
    return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()
