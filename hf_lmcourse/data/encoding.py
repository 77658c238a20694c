"""Text to token ids: once, cached on disk, memory-mapped."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerBase

from ..cache_folder import cache_folder
from ..errors import LmcourseError
from ..tokenization.pieces import pieces_of, whole_lines
from .corpus import Corpus
from .lookup import Lookup, lookup_of
from .token_cache import from_cache

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
    The text is handed over in pieces. Those of a tokenizer that is not the package's own end in
    line breaks, which changes nothing if it never joins across a line break.

    Shape:
        result: (tokens,).
    """
    backend = plain_backend(tokenizer)
    dtype = id_type(backend)
    return np.concatenate([np.zeros(0, dtype), *encoder_of(backend, dtype)(pieces_of(text))])


def encode_split(
    corpus: Corpus,
    split: str,
    tokenizer: PreTrainedTokenizerBase,
    cache_dir: str | Path | None = None,
) -> EncodedSplit:
    """A split of a corpus as token ids, from the cache if it is there.

    The text goes to the cache piece by piece, so that it takes no memory. The name in the cache is
    a hash of the text and of the tokenizer, so that nothing stale is read; a damaged file is made
    again.

    Args:
        corpus: The corpus.
        split: "train", "validation" or "test".
        tokenizer: A fast tokenizer.
        cache_dir: See `cache_folder`.

    Raises:
        LmcourseError: The corpus has no such split, or the split no token, or the cache cannot be
            written.
    """
    backend = plain_backend(tokenizer)
    key = cache_key(corpus.digest(split), tokenizer, backend)
    path = cache_folder(cache_dir) / f"{key}.npy"
    write = partial(_write_split, corpus, split, backend, tokenizer.unk_token_id)
    counts = from_cache(path, write)
    return EncodedSplit(np.load(path, mmap_mode="r", allow_pickle=False), **counts)


def plain_backend(tokenizer: PreTrainedTokenizerBase) -> Tokenizer:
    """A copy of the Rust tokenizer, without the padding and truncation of earlier calls."""
    backend = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    backend.no_padding()
    backend.no_truncation()
    backend.encode_special_tokens = tokenizer.split_special_tokens
    return backend


def cache_key(digest: str, tokenizer: PreTrainedTokenizerBase, backend: Tokenizer) -> str:
    """The name in the cache of what a tokenizer makes of a text, given by its hash or version."""
    settings = [backend.to_str(), tokenizer.split_special_tokens, tokenizer.unk_token_id, digest]
    return hashlib.sha256(json.dumps(settings).encode()).hexdigest()[:32]


def id_type(backend: Tokenizer) -> type[np.integer]:
    """The smaller sufficient dtype of uint16 and int32 for the ids of a tokenizer."""
    # not the size of the vocabulary: a tokenizer may leave out ids
    largest = max(backend.get_vocab().values(), default=0)
    return np.uint16 if largest <= np.iinfo(np.uint16).max else np.int32


def encoder_of(backend: Tokenizer, dtype: type[np.integer]) -> Lookup:
    """From a text, in pieces that are cut anywhere, to its token ids, in parts.

    Args:
        backend: From `plain_backend`.
        dtype: Of the ids.
    """
    return lookup_of(backend, dtype) or partial(_encode_lines, backend, dtype)


def _encode_lines(
    backend: Tokenizer, dtype: type[np.integer], pieces: Iterable[str]
) -> Iterator[NDArray[np.integer]]:
    lines = whole_lines(pieces)
    while batch := list(islice(lines, _BATCH)):
        encodings = backend.encode_batch_fast(batch, add_special_tokens=False)
        ids = [np.asarray(encoding.ids, dtype) for encoding in encodings]
        del encodings  # large, and who asks for the ids may pause
        yield from ids


class TextCounts:
    """What there is of a text besides its tokens, counted while it passes by.

    Attributes:
        characters, bytes, words, unknown: See `EncodedSplit`.
    """

    def __init__(self) -> None:
        self.characters = self.bytes = self.words = self.unknown = 0

    def of_text(self, pieces: Iterable[str]) -> Iterator[str]:
        """Pass on a text, and count it."""
        inside_word = False
        for piece in pieces:
            self.characters += len(piece)
            self.bytes += len(piece.encode())
            self.words += len(piece.split()) + piece.count("\n")
            self.words -= inside_word and not piece[0].isspace()  # it was counted before
            inside_word = not piece[-1].isspace()
            yield piece

    def of_ids(
        self, parts: Iterable[NDArray[np.integer]], unknown_id: int | None
    ) -> Iterator[NDArray[np.integer]]:
        """Pass on ids, and count the unknown ones."""
        for part in parts:
            if unknown_id is not None:
                self.unknown += int(np.count_nonzero(part == unknown_id))
            yield part


def _write_split(
    corpus: Corpus, split: str, backend: Tokenizer, unknown_id: int | None, file: BinaryIO
) -> dict[str, int]:
    """Write the ids of a text, and return its counts."""
    counts, dtype, digest = TextCounts(), id_type(backend), corpus.digest(split)
    text = counts.of_text(corpus.pieces(split))
    ids = counts.of_ids(encoder_of(backend, dtype)(text), unknown_id)
    if not _write_array(file, ids, dtype):
        raise LmcourseError(f"the {split} text of {corpus.name} has nothing but whitespace")
    if corpus.digest(split) != digest:
        raise LmcourseError(
            f"the {split} text of {corpus.name} changed while it was read: repeat the command"
        )
    return vars(counts)


def _write_array(
    file: BinaryIO, parts: Iterable[NDArray[np.integer]], dtype: type[np.integer]
) -> int:
    """Write an array in NumPy's format, one part after the other.

    Returns:
        Its length.
    """
    header: dict[str, Any] = {"descr": np.dtype(dtype).str, "fortran_order": False}
    np.lib.format.write_array_header_1_0(file, header | {"shape": (0,)})
    length = 0
    for part in parts:
        file.write(part.tobytes())
        length += len(part)
    file.seek(0)
    # the header has room for the digits of any length
    np.lib.format.write_array_header_1_0(file, header | {"shape": (length,)})
    return length
