"""Word vectors compared with human judgements of similarity."""

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..data.local_files import data_file
from ..data.text_files import read_text
from ..data.word_vectors import WordVectors
from ..errors import LmcourseError
from ..metrics import load_metric
from ..report.files import whole_file

WORD_PAIRS = {
    "wordsim353": "wordsim353/combined.csv",
    "simlex999": "simlex999/EN-SIMLEX-999.txt",
}
"""Sets of pairs by name, and their paths in the folder of local corpora."""


@dataclass(frozen=True)
class WordPair:
    """Two words, and their similarity or relatedness in the judgement of people."""

    first: str
    second: str
    human: float


@dataclass(frozen=True)
class ScoredPair:
    """A pair and the cosine of its vectors; if there is none, `excluded` is the reason."""

    pair: WordPair
    cosine: float | None
    excluded: str = ""


def load_word_pairs(name_or_path: str, data_dir: str | Path | None = None) -> list[WordPair]:
    """Load a named set of pairs, or a file.

    A line contains two words and a score, separated by tabs or commas; a first line without a
    number is a header.

    Args:
        name_or_path: A key of `WORD_PAIRS`, or a path.
        data_dir: Folder of local corpora; `LMCOURSE_DATA` by default.

    Raises:
        LmcourseError: No such file, or a line that is not a pair (with its number).
    """
    path = data_file(WORD_PAIRS.get(name_or_path, name_or_path), data_dir)
    pairs = []
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        try:
            cells = line.split("\t") if "\t" in line else next(csv.reader([line]), [])
            first, second, human = (cell.strip() for cell in cells)
            pairs.append(WordPair(first, second, float(human)))
        except (ValueError, csv.Error):
            if number > 1 and line.strip():
                raise LmcourseError(
                    f"line {number} of {path} is not two words and a score"
                ) from None
            continue
        if not math.isfinite(pairs[-1].human):
            raise LmcourseError(f"line {number} of {path} has a score that is not a finite number")
    if not pairs:
        raise LmcourseError(f"{path} contains no pair of words")
    return pairs


def score_pairs(pairs: Sequence[WordPair], vectors: WordVectors) -> list[ScoredPair]:
    """Compute the cosine of the two vectors of each pair.

        cos(u, v) = u v / (|u| |v|)

    A word is looked up as it is and then in lower case. A pair is excluded if a word has no vector,
    a zero vector, or one that is not finite.
    """
    index_of = {word: index for index, word in enumerate(vectors.words)}
    scored = []
    for pair in pairs:
        words = (pair.first, pair.second)
        found = [index_of.get(word, index_of.get(word.lower())) for word in words]
        missing = [word for word, index in zip(words, found, strict=True) if index is None]
        if missing:
            scored.append(ScoredPair(pair, None, f"no vector for {' and '.join(missing)}"))
            continue
        u, v = (_direction(vectors.vectors[index]) for index in found if index is not None)
        if not (np.isfinite(u).all() and np.isfinite(v).all()):
            scored.append(ScoredPair(pair, None, "a vector that is not finite"))
            continue
        if not (u.any() and v.any()):
            scored.append(ScoredPair(pair, None, "a vector of zeros"))
            continue
        scored.append(ScoredPair(pair, float(u @ v)))
    return scored


def _direction(vector: NDArray[np.float32]) -> NDArray[np.float64]:
    """Scale a vector to unit length; a zero vector stays zero.

    It is first scaled by its largest entry: squares of tiny entries underflow.
    """
    u = vector.astype(np.float64)
    largest = np.abs(u).max(initial=0.0)
    if largest == 0:
        return u
    u = u / largest
    return u / np.linalg.norm(u)


def rank_correlation(scored: Sequence[ScoredPair]) -> dict[str, float]:
    """Compute Spearman's correlation of cosines and human scores over the pairs with a cosine.

    Returns:
        `spearman`, `p_value`, `pairs` and `excluded`, the number of the other pairs.

    Raises:
        LmcourseError: Fewer than three pairs have a cosine, or all have the same one or the same
            score.
    """
    covered = [s for s in scored if s.cosine is not None]
    if len(covered) < 3:
        raise LmcourseError(
            f"of {len(scored)} pairs of words {len(covered)} have both vectors: these are too few "
            "for a correlation"
        )
    if 1 in (len({s.cosine for s in covered}), len({s.pair.human for s in covered})):
        raise LmcourseError(
            f"all {len(covered)} pairs of words with both vectors have one cosine, or one score: "
            "there is no order to correlate"
        )
    metrics = load_metric("rank_correlation", keep_in_memory=True).compute(
        predictions=[s.cosine for s in covered], references=[s.pair.human for s in covered]
    )
    assert metrics is not None
    return metrics | {"excluded": len(scored) - len(covered)}


def write_pairs(scored: Sequence[ScoredPair], path: Path) -> None:
    """Write every pair as a line of CSV: words, human score, cosine, reason of exclusion."""
    with whole_file(path) as unfinished, unfinished.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["first", "second", "human", "cosine", "excluded"])
        for s in scored:
            cosine = "" if s.cosine is None else repr(s.cosine)
            writer.writerow([s.pair.first, s.pair.second, s.pair.human, cosine, s.excluded])
