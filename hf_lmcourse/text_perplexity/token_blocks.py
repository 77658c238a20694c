"""The tokens of a text of any length, block by block, as if the text was tokenized as a whole.

A tokenizer that only looks up words or characters may be handed a text that is cut at whitespace.
Any other one may join what is cut: it is handed stretches that overlap, which are joined where the
tokens of both agree. If they agree nowhere the text is tokenized as a whole.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerBase

from ..data.encoding import plain_backend
from ..data.lookup import START_TOKENS, looks_up_characters, lookup_of
from ..evaluation.surface_forms import drops_forms
from ..tokenization.pieces import whole_words

T = TypeVar("T")

STRETCH = 1 << 20
"""Characters that are tokenized in one go."""

_OVERLAP = 1 << 12
"""Characters before and after a cut that both stretches have."""


class TokenBlock(NamedTuple):
    """Some successive tokens.

    Attributes:
        text: The part of the text that they are in.
        offset: Where it begins in the text, in characters.
        ids: Token ids.
        spans: Start and end of each token in `text`, in characters; the end is exclusive.

    Shape:
        ids: (tokens,); spans: (tokens, 2).
    """

    text: str
    offset: int
    ids: NDArray[np.int64]
    spans: NDArray[np.int64]


class TextReader:
    """Hands out a text in parts of any length.

    Args:
        pieces: The text, cut anywhere.
    """

    def __init__(self, pieces: Iterable[str]) -> None:
        self._pieces = iter(pieces)
        self._rest = ""

    def take(self, characters: int) -> str:
        """The next characters; fewer at the end of the text."""
        parts, missing = [self._rest], characters - len(self._rest)
        while missing > 0 and (piece := next(self._pieces, "")):
            parts.append(piece)
            missing -= len(piece)
        text = "".join(parts)
        self._rest = text[characters:]
        return text[:characters]


class _NoCommonCut(Exception):
    """Two stretches of a text agree nowhere."""


def tokenized(
    read: Callable[[], Iterable[str]],
    tokenizer: PreTrainedTokenizerBase,
    use: Callable[[Iterator[TokenBlock]], T],
) -> T:
    """Tokenize a text without special tokens, padding or truncation.

    Args:
        read: Returns the text, in pieces that are cut anywhere; it may be called twice.
        tokenizer: A fast tokenizer.
        use: What is done with the blocks; it may be called twice.
    """
    backend = plain_backend(tokenizer)
    look_up = lookup_of(backend, np.int32)
    if look_up is not None and looks_up_characters(backend):
        return use(_characters(read(), look_up))
    if look_up is not None:
        return use(_words(read(), backend, START_TOKENS if drops_forms(tokenizer) else 0))
    try:
        return use(_overlapping(read(), backend))
    except _NoCommonCut:
        return use(iter([_block("".join(read()), 0, backend)]))


def _characters(
    pieces: Iterable[str], look_up: Callable[[Iterable[str]], Iterator[NDArray[np.integer]]]
) -> Iterator[TokenBlock]:
    offset = 0
    for piece in pieces:
        ids = np.concatenate(list(look_up([piece])))
        starts = np.arange(len(piece))
        yield TokenBlock(piece, offset, ids, np.stack([starts, starts + 1], 1))
        offset += len(piece)


def _words(pieces: Iterable[str], backend: Tokenizer, start_tokens: int) -> Iterator[TokenBlock]:
    """Blocks of whole words.

    Args:
        pieces: The text, cut anywhere.
        backend: The tokenizer.
        start_tokens: How many it puts before each line, and before whatever it is given.
    """
    offset, before = 0, ""
    for piece in whole_words(pieces):
        if start_tokens and before == "\n":  # whose place in the text those of the line have
            yield _block(before + piece, offset - 1, backend, start_tokens + 1)
        else:
            yield _block(piece, offset, backend, start_tokens if before else 0)
        offset, before = offset + len(piece), piece[-1]


def _overlapping(pieces: Iterable[str], backend: Tokenizer) -> Iterator[TokenBlock]:
    text = TextReader(pieces)
    offset, stretch, more = 0, text.take(STRETCH), text.take(STRETCH)
    begin, agreed = 0, np.zeros((0, 3), np.int64)
    while True:
        block = _block(stretch, offset, backend)
        if not np.array_equal(_tokens_around(block, begin), agreed):
            raise _NoCommonCut
        first = int(np.searchsorted(block.spans[:, 0], begin))
        border = _clean_border(block) if more else len(block.ids)
        yield TokenBlock(stretch, offset, block.ids[first:border], block.spans[first:border])
        if not more:
            return
        cut = int(block.spans[border, 0])
        agreed = _tokens_around(block, cut)
        offset, stretch, more = (
            offset + cut - _OVERLAP,
            stretch[cut - _OVERLAP :] + more,
            text.take(STRETCH),
        )
        begin = _OVERLAP


def _clean_border(block: TokenBlock) -> int:
    """The last token, well before the end, that begins where all before it have ended."""
    starts, ends = block.spans.T
    clean = starts[1:] >= np.maximum.accumulate(ends)[:-1]
    inside = starts[1:] <= len(block.text) - 2 * _OVERLAP
    borders = 1 + np.flatnonzero(clean & inside)
    if not len(borders) or (np.diff(starts) < 0).any() or starts[borders[-1]] < 2 * _OVERLAP:
        raise _NoCommonCut
    return int(borders[-1])


def _tokens_around(block: TokenBlock, cut: int) -> NDArray[np.int64]:
    """The tokens near a cut, and where they are from there; none at the start of the text.

    Shape:
        (tokens, 3).
    """
    starts = block.spans[:, 0] - cut
    near = (np.abs(starts) <= _OVERLAP // 2) & (cut > 0)
    return np.column_stack([block.ids, block.spans - cut])[near]


def _block(text: str, offset: int, backend: Tokenizer, left_out: int = 0) -> TokenBlock:
    encoding = backend.encode(text, add_special_tokens=False)
    spans = np.array(encoding.offsets, np.int64).reshape(-1, 2)
    return TokenBlock(text, offset, np.array(encoding.ids, np.int64)[left_out:], spans[left_out:])
