"""The words that the benchmarks run on: a real corpus where it is at hand, else random ones."""

from collections.abc import Iterator
from itertools import cycle

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader

from ..data.corpora import CORPORA, load_corpus
from ..data.encoding import encode_text
from ..data.local_files import corpora_folder
from ..data.streams import ContiguousStreams
from ..tokenization import WordTokenizer
from .zipf import zipf_tokens

__all__ = ["block_cycle", "corpus_text", "word_tokens"]


def corpus_text(corpus: str) -> str | None:
    """The training text of a named corpus of words; `None` where LMCOURSE_DATA does not have it."""
    root = corpora_folder(None)
    if root is None or not (root / CORPORA[corpus].folder).is_dir():
        return None
    return load_corpus(corpus).text("train")


def word_tokens(corpus: str, vocabulary: int, count: int) -> tuple[NDArray[np.integer], str]:
    """So many words from the beginning of a corpus, and what they are.

    Args:
        corpus: its name; random words stand in where it is not at hand.
        vocabulary: how many of its words are known, the most frequent ones.
        count: how many to take.

    Returns:
        Token ids sorted by falling frequency, and "wikitext-2" or "random words" for a setting.

    Shape:
        result: (count,).
    """
    text = corpus_text(corpus)
    if text is None:
        return zipf_tokens(count, vocabulary), "random words"
    tokenizer = WordTokenizer.train(text, vocab_size=vocabulary)
    beginning = text[: 12 * count]  # more characters than words have
    return encode_text(beginning, tokenizer)[:count], corpus


def block_cycle(
    tokens: NDArray[np.integer], streams: int, length: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """The blocks of parallel streams in their order, again and again: inputs and targets.

    Shape:
        yielded: (streams, length) each.
    """
    data = ContiguousStreams(tokens, streams, length)
    batches = [(b["input_ids"], b["shift_labels"]) for b in DataLoader(data, batch_size=streams)]
    whole = [batch for batch in batches if (batch[1] >= 0).all()]
    return cycle(whole)
