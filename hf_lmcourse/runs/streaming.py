"""What a streamed corpus needs of a run, and the text that its vocabulary is made from."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerBase

from ..cache_folder import cache_folder, make_cache_folder
from ..data.corpus import Corpus
from ..errors import LmcourseError, reason
from ..models.loading import load_tokenizer
from ..training.arguments import DataArguments
from .settings import RunSettings


def check_streaming(settings: RunSettings, corpus: Corpus) -> None:
    """Check that a corpus can be streamed, if the settings say so.

    Raises:
        LmcourseError: It has no shards, or a setting needs the training text as a whole.
    """
    data = settings.data
    if not data.streaming:
        if data.vocabulary_sample is not None:
            raise LmcourseError("vocabulary_sample is for a corpus with streaming: true")
        return
    for name, value in {
        "hold_out": data.hold_out,
        "vectors": data.vectors,
        "batches": data.batches if data.batches != "streams" else None,
    }.items():
        if value:
            raise LmcourseError(f"{name} needs the whole training text: leave it out, or streaming")
    if data.vocabulary_sample is not None and data.vocabulary_sample < 1:
        raise LmcourseError(f"vocabulary_sample must be at least 1, not {data.vocabulary_sample}")
    if corpus.shards is None:
        raise LmcourseError(
            f"corpus {corpus.name} has no shards to stream: name a folder of them, a pattern such "
            "as 'texts/*.txt.gz', or hf://datasets/owner/name"
        )


def vocabulary_text(data: DataArguments, corpus: Corpus) -> Iterator[str]:
    """The training text, or its sample, in pieces that are cut anywhere.

    A sample has the first lines of each shard, about as many characters of each.
    """
    if data.vocabulary_sample is None:
        yield from corpus.pieces("train")
        return
    assert corpus.shards is not None  # see `check_streaming`
    shards = corpus.shards("train")
    share = -(-data.vocabulary_sample // len(shards))
    for shard in shards:
        left = share
        for piece in shard.pieces():
            end = 1 + piece.find("\n", max(0, left - 1)) or len(piece)
            yield piece[:end]
            left -= end
            if left <= 0 and piece[end - 1] == "\n":
                break


def cached_tokenizer(
    data: DataArguments,
    corpus: Corpus,
    options: dict[str, Any],
    train: Callable[[], PreTrainedTokenizerBase],
) -> PreTrainedTokenizerBase:
    """Train a tokenizer, unless the cache has that of the same shards: a resumed run reads none.

    Args:
        data: Settings of the data.
        corpus: The corpus, which has shards.
        options: Of the tokenizer.
        train: Makes it.

    Raises:
        LmcourseError: A shard cannot be read, or the cache cannot be written.
    """
    assert corpus.shards is not None  # see `check_streaming`
    versions = [shard.version for shard in corpus.shards("train")]
    made_from = [data.tokenizer, options, data.vocabulary_sample, versions]
    key = hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()[:32]
    folder = cache_folder(data.cache_dir) / f"{key}.tokenizer"
    if (folder / "tokenizer.json").exists():
        with suppress(LmcourseError):  # it is damaged, and is made again
            return load_tokenizer(str(folder))
    tokenizer = train()
    try:
        _save(tokenizer, folder)
    except OSError as error:
        raise LmcourseError(
            f"cannot write the vocabulary to {folder.parent} ({reason(error)}): name another "
            "folder with --cache_dir or LMCOURSE_CACHE"
        ) from error
    return tokenizer


def _save(tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    make_cache_folder(folder.parent)
    unfinished = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        tokenizer.save_pretrained(unfinished)
        shutil.rmtree(folder, ignore_errors=True)
        unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
