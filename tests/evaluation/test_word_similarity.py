"""Pairs of words: reading them, their cosines, which are left out and why."""

import csv
import math
from pathlib import Path

import numpy as np
import pytest

from hf_lmcourse import LmcourseError
from hf_lmcourse.data.word_vectors import WordVectors, read_word_vectors
from hf_lmcourse.evaluation.word_similarity import (
    WORD_PAIRS,
    WordPair,
    load_word_pairs,
    rank_correlation,
    score_pairs,
    write_pairs,
)

VECTORS = WordVectors(
    ["a", "b", "c", "nothing", "A"],
    np.array([[1, 0], [1, 1], [-2, 0], [0, 0], [0, 1]], dtype=np.float32),
)


def cosine(first: str, second: str, vectors: WordVectors = VECTORS) -> float | None:
    (scored,) = score_pairs([WordPair(first, second, 1.0)], vectors)
    assert (scored.cosine is None) == bool(scored.excluded)
    return scored.cosine


def test_the_cosine_is_that_of_the_angle() -> None:
    assert cosine("a", "b") == pytest.approx(math.sqrt(0.5))
    assert cosine("a", "c") == pytest.approx(-1)
    assert cosine("b", "b") == pytest.approx(1)


def test_a_word_is_looked_up_as_it_is_and_then_in_small_letters() -> None:
    assert cosine("A", "a") == pytest.approx(0)
    assert cosine("C", "a") == pytest.approx(-1)


def test_the_length_of_a_vector_makes_no_difference_however_short_it_is() -> None:
    tiny = WordVectors(VECTORS.words, VECTORS.vectors * np.float32(1e-34))
    assert cosine("a", "b", tiny) == pytest.approx(math.sqrt(0.5))


def test_pairs_without_two_directions_are_excluded_with_the_reason() -> None:
    pairs = [WordPair("a", "x", 1.0), WordPair("x", "y", 2.0), WordPair("a", "nothing", 3.0)]
    reasons = [scored.excluded for scored in score_pairs(pairs, VECTORS)]
    assert reasons == ["no vector for x", "no vector for x and y", "a vector of zeros"]
    diverged = WordVectors(["a", "b"], np.array([[1, 0], [np.nan, 0]], dtype=np.float32))
    (scored,) = score_pairs([WordPair("a", "b", 1.0)], diverged)
    assert (scored.cosine, scored.excluded) == (None, "a vector that is not finite")


def test_the_correlation_is_over_covered_pairs_and_counts_the_others() -> None:
    pairs = [WordPair("a", "c", 0.5), WordPair("a", "A", 3.0), WordPair("a", "b", 9.0)]
    scored = score_pairs([*pairs, WordPair("a", "x", 10.0)], VECTORS)
    figures = rank_correlation(scored)
    assert figures["spearman"] == pytest.approx(1)
    assert (figures["pairs"], figures["excluded"]) == (3, 1)
    with pytest.raises(LmcourseError, match="of 2 pairs of words 1 have both vectors"):
        rank_correlation(scored[2:])


@pytest.mark.parametrize("pairs", [[("a", "b", 1), ("b", "a", 2)], [("a", "b", 1), ("a", "c", 1)]])
def test_pairs_without_an_order_have_no_correlation(pairs: list[tuple[str, str, float]]) -> None:
    scored = score_pairs([WordPair(*pair) for pair in [*pairs, pairs[0]]], VECTORS)
    with pytest.raises(LmcourseError, match="all 3 pairs of words .* no order to correlate"):
        rank_correlation(scored)


def test_every_pair_is_a_line_of_csv(tmp_path: Path) -> None:
    scored = score_pairs([WordPair("a", "b", 7.5), WordPair("a", "x, y", 1.0)], VECTORS)
    write_pairs(scored, tmp_path / "new" / "pairs.csv")
    with (tmp_path / "new" / "pairs.csv").open(newline="") as file:
        first, second = csv.DictReader(file)
    assert float(first["cosine"]) == scored[0].cosine
    assert (first["human"], first["excluded"]) == ("7.5", "")
    assert (second["second"], second["cosine"]) == ("x, y", "")
    assert second["excluded"] == "no vector for x, y"


@pytest.mark.parametrize(
    "text",
    ["w1,w2,score\r\na, b,1\r\n\r\nc,d,2.5\r\n", "a\tb\t1\nc\td\t2.5", '"a","b","1"\nc,"d",2.5'],
)
def test_pairs_are_read_with_tabs_or_commas_and_with_or_without_a_heading(
    text: str, tmp_path: Path
) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text(text)
    assert load_word_pairs(str(path)) == [WordPair("a", "b", 1.0), WordPair("c", "d", 2.5)]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a,b,1\na,b\n", "line 2 of .* is not two words and a score"),
        ("a,b,1\na,b,c\n", "line 2 of .* is not two words and a score"),
        ("a,b,1\na,b,nan\n", "line 2 of .* has a score that is not a finite number"),
        ("a,b,inf\n", "line 1 of .* has a score that is not a finite number"),
        ("word 1,word 2,score\n", "contains no pair of words"),
    ],
)
def test_a_file_that_holds_no_pairs_is_refused(text: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text(text)
    with pytest.raises(LmcourseError, match=told):
        load_word_pairs(str(path))


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "covered", "pairs"), [("wordsim353", 277, 353), ("simlex999", 758, 999)]
)
def test_glove_covers_its_known_share_of_each_set_and_agrees_with_people(
    data_dir: Path, name: str, covered: int, pairs: int
) -> None:
    vectors = read_word_vectors(data_dir / "glove" / "glove.6B.50d.subset.txt.gz")
    figures = rank_correlation(score_pairs(load_word_pairs(name, data_dir), vectors))
    assert name in WORD_PAIRS
    assert figures["pairs"] == covered
    assert figures["excluded"] == pairs - covered
    assert figures["spearman"] > 0.25
    assert figures["p_value"] < 1e-10
