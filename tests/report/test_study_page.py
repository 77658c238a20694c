"""The page of studies, made from their files."""

import json
from pathlib import Path
from typing import Any

import pytest

from hf_lmcourse.errors import LmcourseError
from hf_lmcourse.report.study_page import has_curves, load_studies, study_page


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
    assert "plots/outputs.png" not in page, "nothing was trained here, so there is no picture"


def test_a_study_with_curves_has_its_picture() -> None:
    record = study()
    for point in record["points"]:
        point["curves"] = {}
    assert has_curves(record)
    assert "![outputs](plots/outputs.png)" in study_page([record], "plots")


def test_only_studies_are_read(tmp_path: Path) -> None:
    (tmp_path / "b.json").write_text(json.dumps(study(name="b")))
    (tmp_path / "a.json").write_text(json.dumps(study(name="a", factor="rate")))
    (tmp_path / "run.json").write_text(json.dumps({"name": "run", "metrics": {}}))
    (tmp_path / "benchmark.json").write_text(json.dumps({"points": []}))
    assert [record["name"] for record in load_studies(tmp_path)] == ["a", "b"]
    (tmp_path / "c.json").write_text("{")
    with pytest.raises(LmcourseError, match=r"c\.json cannot be read"):
        load_studies(tmp_path)
