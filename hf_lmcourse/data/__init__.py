"""Corpora by name, token ids on disk, contiguous streams, windows."""

from .corpora import load_corpus
from .corpus import Corpus
from .encoding import EncodedSplit, encode_split, encode_text
from .streams import ContiguousStreams, context_tokens, line_end_token_id
from .windows import TokenWindows

__all__ = [
    "ContiguousStreams",
    "Corpus",
    "EncodedSplit",
    "TokenWindows",
    "context_tokens",
    "encode_split",
    "encode_text",
    "line_end_token_id",
    "load_corpus",
]
