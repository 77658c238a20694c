"""The token ids that the benchmarks run on: from a real corpus if it is available, else random."""

from collections.abc import Iterator
from itertools import cycle

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader

from hf_lmcourse.data.corpora import CORPORA, load_corpus
from hf_lmcourse.data.encoding import encode_text
from hf_lmcourse.data.local_files import corpora_folder
from hf_lmcourse.data.streams import ContiguousStreams
from hf_lmcourse.tokenization import WordTokenizer

__all__ = ["block_cycle", "corpus_text", "word_tokens", "zipf_tokens"]


def zipf_tokens(count: int, vocabulary: int, seed: int = 0) -> NDArray[np.int32]:
    """Draw random token ids from Zipf's law: p(j) is proportional to 1 / (j + 1).

    Shape:
        result: (count,).
    """
    shares = np.cumsum(1 / np.arange(1, vocabulary + 1))
    draws = np.random.default_rng(seed).random(count) * shares[-1]
    return np.searchsorted(shares, draws).astype(np.int32)


def corpus_text(corpus: str) -> str | None:
    """Return the training text of a named corpus, or `None` if LMCOURSE_DATA does not have it."""
    root = corpora_folder(None)
    if root is None or not (root / CORPORA[corpus].folder).is_dir():
        return None
    return load_corpus(corpus).text("train")


def word_tokens(corpus: str, vocabulary: int, count: int) -> tuple[NDArray[np.integer], str]:
    """Return the first words of a corpus as token ids, and the name of their source.

    Args:
        corpus: Name of the corpus; random words replace it if it is not available.
        vocabulary: Size of the vocabulary: its most frequent words.
        count: Number of tokens.

    Returns:
        The token ids, and the name of the corpus or "random words".

    Shape:
        result: (count,).
    """
    text = corpus_text(corpus)
    if text is None:
        return zipf_tokens(count, vocabulary), "random words"
    tokenizer = WordTokenizer.train(text, vocab_size=vocabulary)
    beginning = text[: 12 * count]  # words are shorter than 12 characters on average
    return encode_text(beginning, tokenizer)[:count], corpus


def block_cycle(
    tokens: NDArray[np.integer], streams: int, length: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield inputs and targets of the blocks of parallel streams in order, again and again.

    Shape:
        yielded: (streams, length) each.
    """
    data = ContiguousStreams(tokens, streams, length)
    batches = [(b["input_ids"], b["shift_labels"]) for b in DataLoader(data, batch_size=streams)]
    whole = [batch for batch in batches if (batch[1] >= 0).all()]
    return cycle(whole)
