"""Word vectors in the text formats of GloVe and word2vec."""

import gzip
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from ..errors import LmcourseError

_HEADER = re.compile(r"\d+ \d+\s*")


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
    """Read a file of word vectors, plain or compressed with gzip.

    A line has a word and its values separated by single spaces (GloVe); the first line may give the
    number of words and the size (word2vec). The word is whatever precedes the last `size` values;
    if it occurs twice the first one counts.

    Args:
        path: The file.
        wanted: The words to keep; the others are skipped unread, which saves most of the time.

    Raises:
        LmcourseError: No such file, not UTF-8, a line with another number of values than the first
            or with a value that is not a number (with the number of the line), or no line at all.
    """
    path, size = Path(path), 0
    words: dict[str, NDArray[np.float32]] = {}
    for number, line in _lines(path):
        if number == 1 and _HEADER.fullmatch(line):
            size = int(line.split()[1])
            continue
        if not size:
            size = len(line.rstrip(" \r\n").split(" ")) - 1
        word, *values = line.rstrip(" \r\n").rsplit(" ", size)
        if len(values) != size or not word:
            raise LmcourseError(
                f"line {number} of {path} has {len(values)} values, not {size} as the lines before"
            )
        if word in words or not wanted(word):
            continue
        try:
            words[word] = np.array(values, dtype=np.float32)
        except ValueError:
            raise LmcourseError(
                f"line {number} of {path} has something that is not a number after {word!r}"
            ) from None
    if not size:
        raise LmcourseError(f"{path} has no word vectors")
    vectors = np.stack(list(words.values())) if words else np.zeros((0, size), np.float32)
    return WordVectors(list(words), vectors)


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
        with _open(path, "wt") as file:
            if header:
                file.write(f"{len(words) - len(left_out)} {vectors.shape[1]}\n")
            for word, row in zip(words, vectors.float().tolist(), strict=True):
                if word.split() == [word]:
                    file.write(f"{word} {' '.join(f'{value:.9g}' for value in row)}\n")
    except OSError as error:
        raise LmcourseError(f"cannot write {path}: {error.strerror}") from error
    return left_out


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        with _open(path, "rt") as file:
            yield from enumerate(file, start=1)
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise LmcourseError(f"cannot read word vectors from {path}: {reason}") from error


def _open(path: Path, mode: str) -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, mode, encoding="utf-8", newline="\n")  # type: ignore[return-value]
    return path.open(mode, encoding="utf-8", newline="\n")  # type: ignore[return-value]
