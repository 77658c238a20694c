"""`lmcourse explain` on saved models, and on what it refuses."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from hf_lmcourse import DANConfig, DANForSequenceClassification
from hf_lmcourse.tokenization import train_tokenizer

from .commands import FinishedRun, lmcourse


def models_of(page: Path) -> list[dict[str, Any]]:
    """What a page has of its models."""
    (written,) = re.findall(r'id="models">(.*?)</script>', page.read_text(), flags=re.DOTALL)
    return json.loads(written)


def test_a_run_becomes_a_page_that_says_what_rounding_costs(
    finished: FinishedRun, tmp_path: Path
) -> None:
    page = tmp_path / "new" / "page.html"
    outcome = lmcourse("explain", finished.folder, page, "--data", finished.corpus)
    assert outcome.status == 0 and str(page) in outcome.out, outcome.err
    (model,) = models_of(page)
    costs = re.fullmatch(
        r"Rounding costs (-?0\.\d+) nats per token on the first ([\d,]+) tokens of the "
        r"validation split of small: ([\d.]+) with the weights as trained, ([\d.]+) with .*",
        model["note"],
    )
    assert costs is not None, model["note"]
    metrics = json.loads((finished.folder / "result.json").read_text())["metrics"]["validation"]
    assert int(costs[2].replace(",", "")) == metrics["tokens"]
    assert float(costs[3]) == pytest.approx(metrics["nats_per_token"], abs=1e-5)
    assert float(costs[4]) - float(costs[3]) == pytest.approx(float(costs[1]), abs=1e-5)
    assert str(finished.folder.parent) not in page.read_text()


@pytest.mark.parametrize(("option", "dtype"), [("--int8", "int8"), ("--float32", "float32")])
def test_weights_are_rounded_as_asked_for(
    finished: FinishedRun, tmp_path: Path, option: str, dtype: str
) -> None:
    page = tmp_path / "page.html"
    assert lmcourse("explain", finished.folder, page, option).status == 0
    (model,) = models_of(page)
    assert model["weights"]["lm_head.weight"]["dtype"] == dtype
    assert ("not rounded" in model["note"]) == (dtype == "float32")


def test_a_corpus_that_is_not_at_hand_is_no_reason_to_refuse(
    finished: FinishedRun, tmp_path: Path
) -> None:
    page, gone = tmp_path / "page.html", tmp_path / "gone.txt"
    assert lmcourse("explain", finished.folder, page).status == 0
    (model,) = models_of(page)
    assert "not measured: the corpus small" in model["note"]
    complaint = lmcourse("explain", finished.folder, page, "--data", gone).complaint
    assert "there is no file and no corpus" in complaint


def test_a_classifier_becomes_a_page(tmp_path: Path) -> None:
    tokenizer = train_tokenizer("word_punctuation", "good film, bad film")
    config = DANConfig(vocab_size=len(tokenizer), embedding_size=4, hidden_size=4, num_labels=2)
    DANForSequenceClassification(config).save_pretrained(tmp_path / "dan")
    tokenizer.save_pretrained(tmp_path / "dan")
    table = tmp_path / "reviews.csv"
    table.write_text("text,label\n" + "good film,LABEL_1\nbad film,LABEL_0\n" * 20)
    page = tmp_path / "page.html"
    assert lmcourse("explain", tmp_path / "dan", page, "--data", table).status == 0
    (model,) = models_of(page)
    assert model["classes"] == ["LABEL_0", "LABEL_1"] and "nats per text" in model["note"]


def test_what_is_not_a_page_of_models_is_refused(finished: FinishedRun, tmp_path: Path) -> None:
    run, page = finished.folder, tmp_path / "page.html"
    assert ".html" in lmcourse("explain", run, tmp_path / "page").complaint
    assert "2 models" in lmcourse("explain", run, run, run, page).complaint
    assert "config.json" in lmcourse("explain", tmp_path, page).complaint
    shutil.rmtree(tmp_path / "page.html", ignore_errors=True)
    page.mkdir()
    assert str(page) in lmcourse("explain", run, page).complaint


def test_a_page_that_is_slow_to_open_is_announced(
    finished: FinishedRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "page.html"
    assert "--int8" not in lmcourse("explain", finished.folder, page).out
    monkeypatch.setattr("hf_lmcourse.cli.explain._LARGE_BYTES", 1000)
    assert "--int8" in lmcourse("explain", finished.folder, page).out
