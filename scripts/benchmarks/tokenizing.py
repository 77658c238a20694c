"""Tokenizing a text into an array of token ids, with one worker and with all."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import chain
from typing import Any

import numpy as np
from datasets import Dataset, disable_progress_bars
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase

from hf_lmcourse.data.encoding import encode_text
from hf_lmcourse.tokenization import CharacterTokenizer, WordTokenizer

from .timing import Comparison, Side, compare
from .tokens import corpus_text, zipf_tokens

__all__ = ["map_lines", "ours", "plain_characters", "plain_words", "tokenizing"]

Ids = NDArray[np.integer]
_CHARACTERS = 2_000_000
_WORDS_PER_LINE = 20


def ours(text: str, tokenizer: PreTrainedTokenizerBase, workers: int) -> Ids:
    """Tokenize as `lmcourse train` does if the corpus is not in its cache."""
    with _tokenizers_workers(workers):
        return encode_text(text, tokenizer)


def map_lines(text: str, tokenizer: PreTrainedTokenizerBase, workers: int) -> Ids:
    """Tokenize as the examples of transformers do: `Dataset.map` over lines, then concatenation."""
    disable_progress_bars()
    lines = Dataset.from_dict({"text": [f"{line}\n" for line in _lines(text)]})

    def encode(batch: dict[str, list[str]]) -> dict[str, Any]:
        return {"ids": tokenizer(batch["text"], add_special_tokens=False)["input_ids"]}

    with _tokenizers_workers(1):
        mapped = lines.map(
            encode, batched=True, remove_columns="text", num_proc=workers if workers > 1 else None
        )
    return np.fromiter(chain.from_iterable(mapped["ids"]), np.int32)


def plain_words(text: str, tokenizer: PreTrainedTokenizerBase) -> Ids:
    """Look words up in a dictionary in a loop, as in PyTorch's word_language_model example."""
    vocabulary, unknown = tokenizer.get_vocab(), tokenizer.unk_token_id
    end = tokenizer.eos_token_id
    ids: list[int] = []
    for line in _lines(text):
        ids += [vocabulary.get(word, unknown) for word in line.split()]
        ids.append(end)
    return np.asarray(ids, np.int32)


def plain_characters(text: str, tokenizer: PreTrainedTokenizerBase) -> Ids:
    """Look characters up in a dictionary in a loop, as in nanoGPT."""
    vocabulary, unknown = tokenizer.get_vocab(), tokenizer.unk_token_id
    return np.asarray([vocabulary.get(character, unknown) for character in text], np.int32)


def tokenizing(repeats: int = 9, characters: int = _CHARACTERS) -> Iterator[Comparison]:
    """Measure megabytes per second for words and for characters."""
    text, source = _text(characters)
    levels: tuple[tuple[str, Any, Callable[..., Ids]], ...] = (
        ("words", WordTokenizer.train(text), plain_words),
        ("characters", CharacterTokenizer.train(text), plain_characters),
    )
    for level, tokenizer, plain in levels:
        for workers in sorted({1, os.cpu_count() or 1}):
            sides = [
                Side("ours", partial(ours, text, tokenizer, workers)),
                Side("Dataset.map", partial(map_lines, text, tokenizer, workers)),
                Side("plain loop", partial(plain, text, tokenizer)),
            ]
            yield compare(
                f"tokenizing, {level}",
                f"workers: {workers}; {source}, {len(tokenizer):,} entries",
                sides,
                repeats,
                amount=len(text.encode()) / 1e6,
                unit="MB",
            )


def _lines(text: str) -> list[str]:
    """Split a text that ends in a line break into lines."""
    return text.split("\n")[:-1]


def _text(characters: int) -> tuple[str, str]:
    """Return the first lines of WikiText-2, or of random words, and the name of the source."""
    text, source = corpus_text("wikitext-2"), "wikitext-2"
    if text is None:
        words = [f"w{token}" for token in zipf_tokens(characters // 2, 30_000)]
        starts = range(0, len(words), _WORDS_PER_LINE)
        text = "\n".join(" ".join(words[start : start + _WORDS_PER_LINE]) for start in starts)
        source = "random words"
    return text[: text.rindex("\n", 0, characters) + 1], source


@contextmanager
def _tokenizers_workers(workers: int) -> Iterator[None]:
    """Let the tokenizers library use one core or all; it reads the environment at each call."""
    name = "TOKENIZERS_PARALLELISM"
    before = os.environ.get(name)
    os.environ[name] = "true" if workers > 1 else "false"
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
