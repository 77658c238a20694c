"""Word vectors in the text formats of GloVe and word2vec."""

import gzip
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from ..errors import LmcourseError, reason
from .packed_files import unpacked
from .vector_lines import VectorLines

_ROWS = 4096
"""Lines that are parsed in one go."""


@dataclass(frozen=True)
class WordVectors:
    """Words and their vectors.

    Attributes:
        words: The words, each once.
        vectors: Theirs, float32.

    Shape:
        vectors: (words, size).
    """

    words: list[str]
    vectors: NDArray[np.float32]


@dataclass(frozen=True)
class AlignedVectors:
    """Vectors of entries of a vocabulary.

    Attributes:
        ids: Of the entries that have a vector.
        vectors: Theirs.
        vocabulary: How many entries there are.

    Shape:
        ids: (found,); vectors: (found, size).
    """

    ids: Tensor
    vectors: Tensor
    vocabulary: int

    @property
    def type_coverage(self) -> float:
        """Share of the vocabulary that has a vector."""
        return len(self.ids) / self.vocabulary

    def token_coverage(self, tokens: NDArray[np.integer]) -> float:
        """Share of the tokens of a text that have a vector. Shape: (tokens,)."""
        found = np.zeros(self.vocabulary, dtype=bool)
        found[self.ids.numpy()] = True
        return float(found[tokens].mean())

    def coverage(self, tokens: NDArray[np.integer]) -> dict[str, float]:
        """Both shares under their names in a result file. Shape: (tokens,)."""
        return {
            "vector_type_coverage": self.type_coverage,
            "vector_token_coverage": self.token_coverage(tokens),
        }


def read_word_vectors(
    path: str | Path, wanted: Callable[[str], bool] = lambda word: True
) -> WordVectors:
    """Read a text file of word vectors, plain or compressed (gzip, or a zip archive of this file).

    A line has a word and its values, separated by spaces or tabs (GloVe); the first line may give
    the number of words and the size (word2vec). The word is whatever precedes the last `size`
    values, also with spaces in it; if it occurs twice the first one counts. Empty lines are
    skipped.

    Args:
        path: The file.
        wanted: The words to keep; the values of the others are not read, which saves most of the
            time.

    Raises:
        LmcourseError: The file cannot be read, or has no vectors or not as many as its first line
            says; or a line, which is given by its number, is not UTF-8, has no word, another number
            of values than the first, or a value that is not a finite number of float32.
    """
    path, words, values = Path(path), list[str](), bytearray()
    with unpacked(path) as file:
        lines = VectorLines(file, path)
        rows = lines.rows(wanted)
        while batch := list(islice(rows, _ROWS)):
            words += (row.word for row in batch)
            values += lines.parse(batch).tobytes()
    return WordVectors(words, np.frombuffer(values, np.float32).reshape(-1, lines.size))


def align_vectors(path: str | Path, tokenizer: PreTrainedTokenizerBase) -> AlignedVectors:
    """Read the vectors of the entries of a tokenizer's vocabulary.

    Raises:
        LmcourseError: As `read_word_vectors`, or no entry has a vector.
    """
    vocabulary = tokenizer.get_vocab()
    found = read_word_vectors(path, vocabulary.__contains__)
    if not found.words:
        raise LmcourseError(f"no word of the vocabulary has a vector in {path}")
    ids = torch.tensor([vocabulary[word] for word in found.words])
    return AlignedVectors(ids, torch.from_numpy(found.vectors), len(tokenizer))


def write_word_vectors(
    path: str | Path, words: Sequence[str], vectors: Tensor, header: bool = False
) -> list[str]:
    """Write words and vectors as text, with as many digits as a float32 has; compressed as .gz.

    Neither format allows whitespace in a word: such words are left out.

    Args:
        path: The file; compressed if its name ends in .gz.
        words: The words.
        vectors: Theirs.
        header: Begin with the number of words and the size, as word2vec does; GloVe does not.

    Returns:
        The words that were left out.

    Shape:
        vectors: (words, size).

    Raises:
        ValueError: Not as many words as vectors.
        LmcourseError: The file cannot be written.
    """
    if len(words) != len(vectors):
        raise ValueError(f"{len(words)} words and {len(vectors)} vectors do not match")
    path = Path(path)
    left_out = [word for word in words if word.split() != [word]]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        opened = gzip.open if path.suffix == ".gz" else open
        with opened(path, "wt", encoding="utf-8", newline="\n") as file:
            if header:
                file.write(f"{len(words) - len(left_out)} {vectors.shape[1]}\n")
            for word, row in zip(words, vectors.float().tolist(), strict=True):
                if word.split() == [word]:
                    file.write(f"{word} {' '.join(f'{value:.9g}' for value in row)}\n")
    except OSError as error:
        raise LmcourseError(f"cannot write {path}: {reason(error)}") from error
    return left_out
