"""Corpora by name, token ids on disk, contiguous streams, windows."""

from .corpora import Corpus, load_corpus
from .encoding import EncodedSplit, encode_split, encode_text
from .streams import ContiguousStreams, check_token_ids, line_end_token_id, text_marks
from .windows import TokenWindows

__all__ = [
    "ContiguousStreams",
    "Corpus",
    "EncodedSplit",
    "TokenWindows",
    "check_token_ids",
    "encode_split",
    "encode_text",
    "line_end_token_id",
    "load_corpus",
    "text_marks",
]
