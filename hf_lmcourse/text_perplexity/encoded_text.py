"""A text as the tokens of one tokenizer, whose memory does not grow with the text."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase

from ..data.file_array import FileArrays
from ..tokenization.pieces import pieces_of
from .token_blocks import TextReader, TokenBlock, tokenized

CLASSES = (
    "unknown tokens",
    "tokens with a digit",
    "tokens with a character beyond ASCII",
    "tokens with a capital letter",
    "line breaks",
    "tokens of lower-case letters, punctuation and spaces",
)
"""A token belongs to the first class that fits it."""

_DECODED, _CONTEXT = 1 << 16, 8
"""Tokens that are decoded in one go, and those before them on which their spaces depend."""


@dataclass(frozen=True)
class EncodedText:
    """A text as the tokens of one tokenizer.

    Attributes:
        ids: Token ids.
        classes: The class of each token, as an index of `CLASSES`.
        unknown_tokens: How many tokens are the unknown token.
        first_end: Where the first token ends in the text, in characters.
        lossless: No token is unknown, and decoding the tokens restores the text exactly.
        key: A hash of the tokens: of where they are in the text if they are lossless, whatever the
            vocabulary calls them; else of how the vocabulary spells them.

    Shape:
        ids, classes: (tokens,).
    """

    ids: NDArray[np.integer]
    classes: NDArray[np.uint8]
    unknown_tokens: int
    first_end: int
    lossless: bool
    key: str
    _read: Callable[[], Iterable[str]] = field(repr=False)
    _tokenizer: PreTrainedTokenizerBase = field(repr=False)
    _files: FileArrays = field(repr=False)

    @property
    def unknown(self) -> NDArray[np.bool_]:
        """Which tokens are the unknown token. Shape: (tokens,)."""
        return self.classes == 0

    @property
    def spans(self) -> list[tuple[int, int]]:
        """Start and end of each token in the text, in characters; the end is exclusive."""

        def collect(blocks: Iterator[TokenBlock]) -> list[tuple[int, int]]:
            return [
                (start + block.offset, end + block.offset)
                for block in blocks
                for start, end in block.spans.tolist()
            ]

        return tokenized(self._read, self._tokenizer, collect)

    def release(self) -> None:
        """Let go of the memory of the tokens that were read."""
        self._files.release()


def encode_text(
    text: str | Callable[[], Iterable[str]], tokenizer: PreTrainedTokenizerBase
) -> EncodedText:
    """Tokenize a text, without special tokens, padding or truncation.

    Args:
        text: The text, or what returns it in pieces that are cut anywhere, again at each call.
        tokenizer: A fast tokenizer.

    Raises:
        LmcourseError: The tokens cannot be written to a temporary file.
    """
    read = (lambda: pieces_of(text)) if isinstance(text, str) else text
    return tokenized(read, tokenizer, lambda blocks: _encoded(blocks, read, tokenizer))


def _encoded(
    blocks: Iterator[TokenBlock],
    read: Callable[[], Iterable[str]],
    tokenizer: PreTrainedTokenizerBase,
) -> EncodedText:
    spelled, where, unknown, ends = hashlib.sha256(), hashlib.sha256(), 0, list[int]()
    spelling = _spelling_hashes(tokenizer)

    def columns() -> Iterator[tuple[NDArray[np.integer], NDArray[np.uint8]]]:
        nonlocal unknown
        for block in blocks:
            classes = _classes(block, tokenizer.unk_token_id)
            unknown += int(np.count_nonzero(classes == 0))
            where.update((block.spans + block.offset).tobytes())
            spelled.update(spelling[block.ids].tobytes())
            if len(block.ids) and not ends:
                ends.append(int(block.spans[0, 1]) + block.offset)
            yield block.ids, classes

    small = len(spelling) <= 1 + np.iinfo(np.uint16).max
    files = FileArrays(columns(), (np.uint16 if small else np.int32, np.uint8))
    ids, classes = files.arrays
    lossless = not unknown and _restores(ids, read(), tokenizer)
    files.release()
    return EncodedText(
        ids=ids,
        classes=classes,
        unknown_tokens=unknown,
        first_end=ends[0] if ends else 0,
        lossless=lossless,
        key=(where if lossless else spelled).hexdigest(),
        _read=read,
        _tokenizer=tokenizer,
        _files=files,
    )


def _spelling_hashes(tokenizer: PreTrainedTokenizerBase) -> NDArray[np.uint64]:
    """A hash of each entry of the vocabulary by its id; 0 for an id that is left out."""
    vocabulary = tokenizer.get_vocab()
    hashes = np.zeros(1 + max(vocabulary.values(), default=0), np.uint64)
    for entry, index in vocabulary.items():
        digest = hashlib.blake2b(entry.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        hashes[index] = int.from_bytes(digest, "little")
    return hashes


def _classes(block: TokenBlock, unknown_id: int | None) -> NDArray[np.uint8]:
    spans = block.spans.tolist()
    classes = (_class_of(block.text[start:end]) for start, end in spans)
    result = np.fromiter(classes, np.uint8, len(spans))
    if unknown_id is not None:
        result[block.ids == unknown_id] = 0
    return result


@lru_cache(1 << 16)
def _class_of(text: str) -> int:
    if any(c.isdigit() for c in text):
        return 1
    if not text.isascii():
        return 2
    if any(c.isupper() for c in text):
        return 3
    return 4 if "\n" in text else 5


def _restores(
    ids: NDArray[np.integer], pieces: Iterable[str], tokenizer: PreTrainedTokenizerBase
) -> bool:
    """Whether decoding tokens, a part at a time, gives a text."""

    def decode(first: int, end: int) -> str:
        part = ids[first:end].tolist()
        return str(tokenizer.decode(part, clean_up_tokenization_spaces=False))

    text, first = TextReader(pieces), 0
    while first < len(ids):
        end = _end_of_part(decode, first, len(ids))
        before = max(0, first - _CONTEXT)
        decoded = decode(before, end)[len(decode(before, first)) :]
        if text.take(len(decoded)) != decoded:
            return False
        first = end
    return not text.take(1)


def _end_of_part(decode: Callable[[int, int], str], first: int, tokens: int) -> int:
    """Where tokens may be cut so that no character is: the bytes of one may be several tokens."""
    if first + _DECODED >= tokens:
        return tokens
    for end in range(first + _DECODED, first + _DECODED - _CONTEXT, -1):
        before = decode(end - _CONTEXT, end)
        if decode(end - _CONTEXT, end + _CONTEXT).startswith(before):
            return end
    return tokens
