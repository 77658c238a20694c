"""The page of studies, made from their files."""

import json
from pathlib import Path
from typing import Any

import pytest

from hf_lmcourse.errors import LmcourseError
from hf_lmcourse.studies.page import has_curves, load_studies, study_page


def study(**changes: Any) -> dict[str, Any]:
    points = [
        {
            "variant": variant,
            "seed": seed,
            "metrics": {"validation": {"perplexity": value + seed}},
            "device": "a processor",
            "threads": 1,
            "commit": "abc",
        }
        for seed in (1, 3)
        for variant, value in (("full", 100.0), ("tied", 90.0))
    ]
    record = {
        "name": "outputs",
        "command": "lmcourse study outputs.yaml",
        "factors": {"output_layer": ["full", "tied"]},
        "metric": "perplexity",
        "model_type": "lmcourse_lstm",
        "corpus": "ptb",
        "points": points,
    }
    return record | changes


def test_a_section_has_the_mean_and_the_spread_of_every_variant() -> None:
    page = study_page([study()], "plots")
    assert "## outputs" in page and "`lmcourse study outputs.yaml`" in page
    assert "| output layer | split | perplexity | spread | seeds |" in page
    assert "| full | validation | 102.0000 | 1.4142 | 2 |" in page
    assert "| tied | validation | 92.0000 | 1.4142 | 2 |" in page
    assert "plots/outputs.png" not in page, "nothing was trained here, so there is no plot"


def test_a_section_says_what_its_study_is_about_if_it_is_one_of_the_package() -> None:
    page = study_page([study(name="dan_vectors")], "plots")
    section = page.partition("## dan_vectors")[2]
    assert "13,603 words" in section.partition("`lmcourse study")[0]
    assert study_page([study(name="mine")], "plots").count("\n\n") == page.count("\n\n") - 1


def test_a_study_with_curves_has_its_plots() -> None:
    record = study()
    for point in record["points"]:
        point["curves"] = {}
    assert has_curves(record)
    assert "![Perplexity by output layer](plots/outputs.png)" in study_page([record], "plots")


def test_only_the_variant_that_validation_picks_shows_its_test_score() -> None:
    record = study()
    for point in record["points"]:
        point["metrics"]["test"] = {"perplexity": 80.0}
    page = study_page([record], "plots")
    assert "| tied | test | 80.0000 | 0.0000 | 2 |" in page and "| full | test" not in page
    assert "the test split is shown for the\none that validation picks" in page


def test_only_studies_are_read(tmp_path: Path) -> None:
    (tmp_path / "b.json").write_text(json.dumps(study(name="b")))
    (tmp_path / "a.json").write_text(json.dumps(study(name="a", factor="rate")))
    (tmp_path / "run.json").write_text(json.dumps({"name": "run", "metrics": {}}))
    (tmp_path / "benchmark.json").write_text(json.dumps({"points": []}))
    assert [record["name"] for record in load_studies(tmp_path)] == ["a", "b"]
    (tmp_path / "c.json").write_text("{")
    with pytest.raises(LmcourseError, match=r"c\.json cannot be read"):
        load_studies(tmp_path)


def test_the_coverage_of_vectors_is_shown_if_there_are_any() -> None:
    record = study()
    record["points"][0]["metrics"]["validation"]["vector_type_coverage"] = 0.274
    page = study_page([record], "plots")
    assert "| coverage of words |" in page
    assert "| 27.4% |" in page and "| - |" in page


def test_ranks_are_shown_next_to_the_metric_if_they_were_computed() -> None:
    record = study()
    assert "rank" not in study_page([record], "plots")
    for point in record["points"]:
        point["metrics"]["validation"]["log_probability_rank"] = 52 * point["seed"]
    page = study_page([record], "plots")
    assert "| spread | seeds | rank |" in page
    assert "| 2 | 52 |" in page, "that of the first seed"


def test_variants_that_cut_the_text_otherwise_have_the_metrics_of_the_tokens() -> None:
    record = study(metric="bits_per_character_spelled")
    for point in record["points"]:
        words = point["variant"] == "tied"
        point["parameters"] = 5_000 if words else 1_000
        point["metrics"]["validation"] = {
            "bits_per_character_spelled": 2.0,
            "bits_per_character": 1.25 if words else 2.0,
            "tokens": 1_234 if words else 9_000,
            "unknown_share": 0.125 if words else 0.0,
        }
    page = study_page([record], "plots")
    assert "| seeds | parameters | tokens | unknown share | bits per character |" in page
    assert "| 2 | 1,000 | 9,000 | 0.0% | 2.0000 |" in page
    assert "| 2 | 5,000 | 1,234 | 12.5% | 1.2500* |" in page
    assert "\n\\* without the spelling of unknown tokens" in page


def test_curves_by_seconds_give_the_time_until_the_first_variant_is_reached() -> None:
    record = study(curves_by="seconds")
    losses = {"full": [5.0, 4.0, 4.2], "tied": [4.5, 3.9, 3.8]}
    for point in record["points"]:
        values = losses[point["variant"]]
        point["curves"] = {
            "training": {},
            "validation": {"seconds": [10.0, 20.0, 30.0], "loss": values},
        }
    page = study_page([record], "plots")
    assert "| seeds | seconds to 54.60 |" in page, "e^4"
    assert page.count("| 20.00 |") == 2
    record["points"] = [p for p in record["points"] if p["variant"] == "full" or p["seed"] == 1]
    for point in record["points"]:
        if point["variant"] == "tied":
            point["curves"]["validation"]["loss"] = [4.5, 4.1, 4.05]
    assert "| - |" in study_page([record], "plots"), "never reached"
    assert "seconds to" not in study_page([record | {"curves_by": "epoch"}], "plots")
