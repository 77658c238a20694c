"""What the runs of a study read, known by its contents wherever it is."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..data.content_hash import file_hash, tokenizer_hash
from ..data.corpora import load_corpus
from ..data.hold_out import hold_out
from ..data.local_files import data_file
from ..models.loading import load_tokenizer
from ..runs.classifier_setup import labelled_corpus
from ..training.arguments import DataArguments

_READ = (
    "corpus",
    "data_dir",
    "hold_out",
    "label_column",
    "text_column",
    "tokenizer",
    "validation_share",
    "vectors",
    "vocabulary",
)
"""The settings that determine what is read; the others, how it is used."""


class KnownContents:
    """The contents of all that is named by data settings, each of them read once."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, str]] = {}

    def of(self, data: Any) -> dict[str, str]:
        """Hash what settings name, see `contents_of`, unless that is known."""
        key = json.dumps({n: v for n, v in asdict(data).items() if n in _READ}, default=str)
        if key not in self._known:
            self._known[key] = contents_of(data)
        return self._known[key]


def contents_of(data: Any) -> dict[str, str]:
    """Hash what data settings name: text, tokenizer, vocabulary, word vectors.

    Args:
        data: `DataArguments` or `LabelledDataArguments`.

    Returns:
        Hashes by the names of the settings. Texts that are held out are a part of the corpus.

    Raises:
        LmcourseError: Something that the settings name is missing or cannot be read.
    """
    files = {"vectors": data.vectors, "vocabulary": getattr(data, "vocabulary", None)}
    hashes = {
        name: file_hash(data_file(file, data.data_dir)) for name, file in files.items() if file
    }
    if Path(data.tokenizer, "tokenizer.json").is_file():
        hashes["tokenizer"] = str(tokenizer_hash(load_tokenizer(data.tokenizer)))
    if isinstance(data, DataArguments):
        return hashes | {"corpus": _corpus(data), "hold_out": ""}
    return hashes | {"corpus": _labelled_corpus(data)}


def _corpus(data: DataArguments) -> str:
    whole = load_corpus(data.corpus, data.data_dir)
    corpus = hold_out(whole, data.hold_out or (), data.data_dir)
    digests = {split: corpus.digest(split) for split in corpus.splits}
    return hashlib.sha256(json.dumps(digests).encode()).hexdigest()


def _labelled_corpus(data: Any) -> str:
    corpus = labelled_corpus(data)
    digest = hashlib.sha256(json.dumps(corpus.label_names).encode())
    for split, texts in corpus.splits.items():
        digest.update(json.dumps([split, texts.texts, texts.labels]).encode())
    return digest.hexdigest()
