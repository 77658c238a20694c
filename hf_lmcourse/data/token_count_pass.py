"""The pass over a corpus in shards that counts its tokens, before it is streamed."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np
from tqdm.auto import tqdm
from transformers import PreTrainedTokenizerBase

from ..cache_folder import cache_folder
from ..errors import LmcourseError
from .corpus import Corpus
from .encoding import TextCounts, cache_key, encoder_of, id_type, plain_backend
from .lookup import Lookup
from .shards import SECTION, Shard, sections
from .streamed_tokens import StreamedTokens, TokenCounts
from .token_cache import from_cache
from .training_text_record import hashed_words


@dataclass(frozen=True)
class StreamedSplit:
    """As `EncodedSplit`, with tokens that are read when they are needed."""

    tokens: StreamedTokens
    characters: int
    bytes: int
    words: int
    unknown: int


def stream_split(
    corpus: Corpus,
    split: str,
    tokenizer: PreTrainedTokenizerBase,
    cache_dir: str | Path | None = None,
) -> StreamedSplit:
    """A split of a corpus in shards as token ids that are never whole in memory or on disk.

    A pass over all shards counts their tokens, which determines where each stream begins and how
    many steps there are. What it finds is cached, by the tokenizer and the versions of the shards.

    Args:
        corpus: The corpus.
        split: Its split, which has shards.
        tokenizer: A fast tokenizer.
        cache_dir: See `cache_folder`.

    Raises:
        LmcourseError: A shard cannot be read, the split has no token, or the cache cannot be
            written.
    """
    assert corpus.shards is not None  # the caller has checked it
    backend, shards = plain_backend(tokenizer), corpus.shards(split)
    encode = encoder_of(backend, id_type(backend))
    # with the size of sections, which determines their lengths
    key = cache_key(
        f"{SECTION}\n" + "\n".join(shard.version for shard in shards), tokenizer, backend
    )
    path = cache_folder(cache_dir) / f"{key}.shards"
    size = max(backend.get_vocab().values(), default=0) + 1
    text = from_cache(path, partial(_count, shards, encode, size))
    counts = TokenCounts(**json.loads(path.read_text(encoding="utf-8")))
    tokens = StreamedTokens(shards, counts, encode)
    if not len(tokens):
        raise LmcourseError(f"the {split} text of {corpus.name} has no token")
    unknown = 0 if tokenizer.unk_token_id is None else counts.ids[tokenizer.unk_token_id]
    return StreamedSplit(tokens, **text | {"unknown": unknown})


def _count(shards: Sequence[Shard], encode: Lookup, size: int, file: BinaryIO) -> dict[str, int]:
    """Read all shards, write their `TokenCounts`, and return those of the text."""
    text, words, tokens = TextCounts(), hashlib.sha256(), hashlib.sha256()
    lengths, ids = list[list[int]](), np.zeros(size, np.int64)
    for shard in tqdm(shards, "counting tokens", delay=1, leave=False, disable=None, unit="shard"):
        lengths.append([])
        for _, pieces in sections(shard):
            lengths[-1].append(0)
            for part in encode(hashed_words(text.of_text(pieces), words)):
                lengths[-1][-1] += len(part)
                tokens.update(part.tobytes())
                ids += np.bincount(part, minlength=size)
    counts = TokenCounts(lengths, ids.tolist(), tokens.hexdigest(), words.hexdigest())
    file.write(json.dumps(asdict(counts)).encode())
    return vars(text)
