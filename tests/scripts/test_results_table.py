"""The script writes the tables and pages from result files, and finds what is out of date."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hf_lmcourse.report.results import RunResult
from results_table import best_table, fill_markers, main

METRICS = {"perplexity": 98.3, "nats_per_token": 4.588, "bits_per_token": 6.619}
RESULT = RunResult(
    name="lstm_wikitext2",
    model_type="lmcourse_lstm",
    corpus="wikitext-2",
    config="configs/lstm_wikitext2.yaml",
    command="lmcourse train configs/lstm_wikitext2.yaml",
    metrics={"validation": METRICS, "test": {**METRICS, "perplexity": 93.1}},
    parameters=4_652_799,
    seed=7,
    epochs=39.5,
    wall_time_seconds=7_530.0,
    device="A processor",
    threads=2,
    versions={"python": "3.11.7", "torch": "2.13.0"},
    commit="1234567",
)


def arguments(folder: Path) -> list[str]:
    return ["--results", str(folder / "results"), "--readme", str(folder / "README.md")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository without tables and results."""
    (tmp_path / "README.md").write_text("no tables", encoding="utf-8")
    (tmp_path / "results").mkdir()
    return tmp_path


def test_the_script_fills_both_documents_and_checks_them(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    readme, page = folder / "README.md", folder / "results" / "README.md"
    readme.write_text("<!-- results:best -->\n<!-- /results:best -->\n", encoding="utf-8")
    page.write_text(
        "<!-- results:WikiText_2 -->\n<!-- /results:WikiText_2 -->\n"
        "<!-- results:ptb -->\n<!-- /results:ptb -->\n",
        encoding="utf-8",
    )
    RESULT.save(folder / "results" / "lstm.json")
    assert main([*arguments(folder), "--check"]) == 1
    assert "README.md: out of date" in capsys.readouterr().err
    assert main(arguments(folder)) == 0
    assert "[93.10](configs/lstm_wikitext2.yaml)" in readme.read_text(encoding="utf-8")
    written = page.read_text(encoding="utf-8")
    assert "98.30 / 93.10" in written and "](../configs/lstm_wikitext2.yaml)" in written
    assert "- / 101.64" in written
    assert "Zaremba" not in written
    assert main([*arguments(folder), "--check"]) == 0
    page.write_text(written.replace("98.30", "97.30"), encoding="utf-8")
    assert main([*arguments(folder), "--check"]) == 1
    assert "results/README.md: out of date" in capsys.readouterr().err
    (folder / "results" / "broken.json").write_text("{", encoding="utf-8")
    assert main(arguments(folder)) == 2
    assert "broken.json" in capsys.readouterr().err


def test_the_best_result_is_chosen_on_the_validation_split() -> None:
    better = {"validation": {"perplexity": 90.0}, "test": {"perplexity": 95.0}}
    dan = {"validation": {"accuracy": 0.8}, "test": {"accuracy": 0.81}}
    results = [
        RESULT,
        replace(RESULT, config="configs/wide.yaml", metrics=better),
        replace(RESULT, model_type="lmcourse_dan", corpus="imdb", metrics=dan, config="d"),
        replace(RESULT, model_type="lmcourse_dan", corpus="imdb", config="e",
                metrics={"validation": {"accuracy": 0.7}, "test": {"accuracy": 0.9}}),
        replace(RESULT, model_type="nb_svm", corpus="imdb", metrics=dan, config=""),
    ]  # fmt: skip
    _, _, *rows = best_table(results, "../").splitlines()
    assert rows == [
        "| LSTM |  |  | [95.00](../configs/wide.yaml) |  |",
        "| DAN |  |  |  | [81.00](../d) |",
    ]


def test_a_run_without_the_metric_of_a_column_is_not_among_the_best() -> None:
    words = replace(RESULT, corpus="tiny_shakespeare", metrics={"validation": {"accuracy": 0.5}})
    characters = {"validation": {"bits_per_character": math.log(8, 2)}}
    assert best_table([words], "").count("\n") == 1
    table = best_table([words, replace(words, metrics=characters)], "")
    assert "| LSTM | [3.000](" in table


def test_text_outside_the_markers_is_kept() -> None:
    document = "# A\n<!-- results:all -->\nold\n<!-- /results:all -->\nB\n"
    assert fill_markers(document, []) == document.replace("old\n", "")


def test_the_script_writes_the_page_of_benchmarks_and_checks_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    point = {"name": "a step", "setting": "2 x 3", "seconds": {"ours": [1.0], "theirs": [2.0]}}
    record = {
        **dict.fromkeys(("command", "device", "commit"), "x"),
        **{"cores": 2, "threads": 2, "versions": {"torch": "2", "transformers": "5"}},
        "points": [point],
    }
    results = folder / "results"
    (results / "benchmark_steps.json").write_text(json.dumps(record))
    assert main([*arguments(folder), "--check"]) == 1
    assert "BENCHMARKS.md: out of date" in capsys.readouterr().err
    assert main(arguments(folder)) == 0
    page = (results / "BENCHMARKS.md").read_text(encoding="utf-8")
    assert "## steps" in page and "[How to read the rows" in page
    assert main([*arguments(folder), "--check"]) == 0
    (results / "plots" / "benchmark_steps.png").unlink()
    assert main([*arguments(folder), "--check"]) == 1


def test_the_script_writes_the_page_of_studies_and_checks_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = folder / "results"
    (results / "rates.json").write_text(json.dumps(trained_study()))
    assert main([*arguments(folder), "--check"]) == 1
    assert "STUDIES.md: out of date" in capsys.readouterr().err
    assert main(arguments(folder)) == 0
    assert "## rates" in (results / "STUDIES.md").read_text(encoding="utf-8")
    assert (results / "plots" / "rates.png").exists()
    assert main([*arguments(folder), "--check"]) == 0


def test_the_script_draws_the_published_perplexities_of_texts(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    passages = folder / "results" / "passages"
    passages.mkdir()
    row = {"model": "a", "passage": "play", "preprocessing": "raw", "changed_share": 0.0}
    row |= {"bits_per_character": 2.0, "lossless": True, "temperature": 1.0}
    row |= {"first_token_from": "a", "verbatim_in_training_text": None}
    (passages / "perplexity.json").write_text(json.dumps({"rows": [row]}))
    assert main([*arguments(folder), "--check"]) == 1
    assert "passages/perplexity.png: out of date" in capsys.readouterr().err
    assert main(arguments(folder)) == 0
    assert (passages / "perplexity.png").read_bytes().startswith(b"\x89PNG")
    assert main([*arguments(folder), "--check"]) == 0


def trained_study() -> dict[str, Any]:
    """A study of one point, as an old file holds it."""
    point = {
        **{"variant": "0.1", "settings": {}, "seed": 1, "parameters": 3, "commit": "x"},
        **{"metrics": {"validation": {"accuracy": 0.5}}, "history": [[1.0, 0.4], [2.0, 0.5]]},
        **{"training_seconds": 1.0, "device": "a processor", "threads": 1},
    }
    about = {"name": "rates", "command": "x", "factor": "rate", "metric": "accuracy"}
    return {**about, "model_type": "lmcourse_dan", "corpus": "imdb", "points": [point]}
