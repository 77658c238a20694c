"""Text to token ids: once, cached on disk, memory-mapped."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerBase

from ..cache_folder import cache_folder, make_cache_folder
from ..errors import LmcourseError, reason
from ..report.files import unfinished_file
from .corpora import Corpus
from .lookup import lookup_of

_PIECE = 1 << 16
"""Characters that are tokenized in one go."""

_BATCH = 32
"""Pieces that are tokenized in parallel; tokens take some 100 bytes each meanwhile."""


@dataclass(frozen=True)
class EncodedSplit:
    """A text as token ids, and what is needed to compare units.

    Attributes:
        tokens: The ids, memory-mapped.
        characters: Length of the text in Unicode code points.
        bytes: Its length in UTF-8.
        words: Its words between whitespace, and its line breaks.
        unknown: How many ids are the unknown token.

    Shape:
        tokens: (tokens,).
    """

    tokens: NDArray[np.integer]
    characters: int
    bytes: int
    words: int
    unknown: int


def encode_text(text: str, tokenizer: PreTrainedTokenizerBase) -> NDArray[np.integer]:
    """Token ids of a text, in the smaller sufficient dtype of uint16 and int32.

    They are those of `tokenizer(text, add_special_tokens=False)`, without padding or truncation.
    The text is handed over in pieces that end in line breaks, which changes nothing for tokenizers
    that never join across a line break; the package's own do not.

    Shape:
        result: (tokens,).
    """
    return _encode(text, plain_backend(tokenizer))


def encode_split(
    corpus: Corpus,
    split: str,
    tokenizer: PreTrainedTokenizerBase,
    cache_dir: str | Path | None = None,
) -> EncodedSplit:
    """A split of a corpus as token ids, from the cache if it is there.

    The name in the cache is a hash of the text and of the tokenizer, so that nothing stale is
    read.

    Args:
        corpus: The corpus.
        split: "train", "validation" or "test".
        tokenizer: A fast tokenizer.
        cache_dir: See `cache_folder`.

    Raises:
        LmcourseError: The corpus has no such split, or the split no token, or the cache cannot be
            written.
    """
    text = corpus.text(split)
    backend = plain_backend(tokenizer)
    path = cache_folder(cache_dir) / f"{_key(text, tokenizer, backend)}.npy"
    counts = path.with_suffix(".json")
    if not (counts.exists() and path.exists()):
        tokens = _encode(text, backend)
        if not len(tokens):
            raise LmcourseError(f"the {split} text of {corpus.name} has nothing but whitespace")
        _store(_with_counts(text, tokens, tokenizer.unk_token_id), path, counts)
    numbers = json.loads(counts.read_text(encoding="utf-8"))
    return EncodedSplit(np.load(path, mmap_mode="r", allow_pickle=False), **numbers)


def plain_backend(tokenizer: PreTrainedTokenizerBase) -> Tokenizer:
    """A copy of the Rust tokenizer, without the padding and truncation of earlier calls."""
    backend = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    backend.no_padding()
    backend.no_truncation()
    backend.encode_special_tokens = tokenizer.split_special_tokens
    return backend


def _encode(text: str, backend: Tokenizer) -> NDArray[np.integer]:
    # not the size of the vocabulary: a tokenizer may leave out ids
    largest = max(backend.get_vocab().values(), default=0)
    dtype = np.uint16 if largest <= np.iinfo(np.uint16).max else np.int32
    look_up = lookup_of(backend, dtype)
    parts = [np.zeros(0, dtype)]
    if look_up is not None:
        return np.concatenate([*parts, *map(look_up, text_pieces(text))])
    pieces = list(text_pieces(text))
    for start in range(0, len(pieces), _BATCH):
        batch = pieces[start : start + _BATCH]
        encodings = backend.encode_batch_fast(batch, add_special_tokens=False)
        parts += (np.asarray(encoding.ids, dtype) for encoding in encodings)
    return np.concatenate(parts)


def text_pieces(text: str) -> Iterator[str]:
    """A text in pieces that end in line breaks: 65,536 characters, or one long line."""
    start = 0
    while start < len(text):
        end = text.rfind("\n", start, start + _PIECE) + 1 or text.find("\n", start) + 1 or len(text)
        yield text[start:end]
        start = end


def _with_counts(text: str, tokens: NDArray[np.integer], unknown_id: int | None) -> EncodedSplit:
    return EncodedSplit(
        tokens,
        characters=len(text),
        bytes=sum(len(piece.encode()) for piece in text_pieces(text)),
        words=sum(len(piece.split()) for piece in text_pieces(text)) + text.count("\n"),
        unknown=0 if unknown_id is None else int(np.count_nonzero(tokens == unknown_id)),
    )


def _key(text: str, tokenizer: PreTrainedTokenizerBase, backend: Tokenizer) -> str:
    settings = [backend.to_str(), tokenizer.split_special_tokens, tokenizer.unk_token_id]
    key = hashlib.sha256(json.dumps(settings).encode())
    for piece in text_pieces(text):
        key.update(piece.encode())
    return key.hexdigest()[:32]


def _store(split: EncodedSplit, path: Path, counts: Path) -> None:
    """Write both files; readers look for the second."""
    numbers = {name: value for name, value in asdict(split).items() if name != "tokens"}
    write_cached(path, lambda file: np.save(file, split.tokens, allow_pickle=False))
    write_cached(counts, lambda file: file.write(json.dumps(numbers).encode()))


def write_cached(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write a file of the cache whole or not at all.

    Raises:
        LmcourseError: It cannot be written.
    """
    try:
        make_cache_folder(path.parent)
        with unfinished_file(path) as unfinished, unfinished.open("wb") as file:
            write(file)
    except OSError as error:
        raise LmcourseError(
            f"cannot write tokenized text to {path.parent} ({reason(error)}): name another folder "
            "with --cache_dir or LMCOURSE_CACHE"
        ) from error
