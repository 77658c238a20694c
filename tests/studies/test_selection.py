"""Validation picks a variant, and its test score alone is shown."""

from typing import Any

import pytest

from hf_lmcourse.studies.selection import best_variant, shown_splits
from hf_lmcourse.studies.table import study_cells, study_rows, study_table

SCORES = {
    "a": [(0.7, 0.9), (0.5, 0.8)],
    "b": [(0.6, 0.1), (0.8, 0.2)],
    "c": [(0.5, 0.5), (0.6, 0.5)],
}
"""Validation and test of two seeds, by variant."""


def study(metric: str = "accuracy", seeds: int = 2, **splits: bool) -> dict[str, Any]:
    points = []
    for variant, scores in SCORES.items():
        for seed, (validation, test) in enumerate(scores[:seeds]):
            values = {"validation": validation, "test": test}
            metrics = {s: {metric: v} for s, v in values.items() if splits.get(s, True)}
            points.append({"variant": variant, "seed": seed, "metrics": metrics})
    return {"factors": {"x": list(SCORES)}, "metric": metric, "points": points}


@pytest.mark.parametrize(
    ("metric", "best"), [("accuracy", "b"), ("perplexity", "c"), ("bits_per_character", "c")]
)
def test_the_mean_over_the_seeds_on_validation_decides(metric: str, best: str) -> None:
    assert best_variant(study(metric)) == best


def test_the_test_scores_of_the_others_are_not_shown() -> None:
    assert shown_splits(study()) == {
        "a": ["validation"],
        "b": ["validation", "test"],
        "c": ["validation"],
    }
    assert [row[:2] for row in study_rows(study())] == [
        ("a", "validation"), ("b", "validation"), ("b", "test"), ("c", "validation"),
    ]  # fmt: skip
    assert all(splits == ["validation"] for splits in shown_splits(study(test=False)).values())


def test_what_has_no_validation_score_is_shown_as_it_was_scored() -> None:
    record = study(validation=False)
    assert best_variant(record) is None
    assert set(map(tuple, shown_splits(record).values())) == {("test",)}


def test_a_single_seed_has_no_spread() -> None:
    assert {row[3] for row in study_rows(study(seeds=1))} == {None}
    assert {cells[3] for cells in study_cells(study(seeds=1))} == {"-"}
    assert "0.0000" not in study_table(study(seeds=1))
    spreads = {row[0]: row[3] for row in study_rows(study(test=False))}
    assert spreads == pytest.approx({"a": 0.02**0.5, "b": 0.02**0.5, "c": 0.005**0.5})


def test_values_without_the_spelling_of_unknown_words_have_an_asterisk() -> None:
    record = study("bits_per_character", test=False)
    assert "*" not in study_table(record)
    for point in record["points"]:
        point["metrics"]["validation"]["unknown_share"] = 0.1 * (point["variant"] == "a")
    assert [cells[2] for cells in study_cells(record)] == ["0.6000*", "0.7000", "0.5500"]
    assert "* without the spelling" in study_table(record)
