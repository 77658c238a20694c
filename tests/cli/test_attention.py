"""`lmcourse attention` plots, measures, and reports what is wrong."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from .commands import FinishedRun, lmcourse


def attention(run: FinishedRun, folder: Path, *words: object) -> Any:
    return lmcourse("attention", run.folder, "--output_dir", folder, *words)


def test_a_text_becomes_plots_and_weights(transformer: FinishedRun, tmp_path: Path) -> None:
    outcome = attention(transformer, tmp_path / "new", "--text", "line 3 says so")
    assert outcome.status == 0, outcome.err
    names = {path.name for path in (tmp_path / "new").iterdir()}
    assert names == {"heads_of_layer_0.png", "layer_means.png", "weights.json"}
    saved = json.loads((tmp_path / "new" / "weights.json").read_text())
    weights = np.array(saved["weights"])
    assert weights.shape == (1, 2, 14, 14)
    assert weights.sum(-1) == pytest.approx(np.ones((1, 2, 14)), abs=1e-3)
    assert "".join(saved["tokens"]) == "line\u24233\u2423says\u2423so"


def test_a_corpus_becomes_a_table_of_heads(transformer: FinishedRun, tmp_path: Path) -> None:
    words = ("--data", transformer.corpus, "--split", "train", "--tokens", "64")
    outcome = attention(transformer, tmp_path, *words)
    assert outcome.status == 0, outcome.err
    lines = outcome.out.splitlines()
    assert lines[1].split()[:3] == ["head", "itself", "previous"]
    assert [line.split()[0] for line in lines[2:]] == ["uniform", "0.0", "0.1"]
    rows = json.loads((tmp_path / "heads.json").read_text())
    assert f"{100 * rows[1]['previous']:.1f}%" == lines[3].split()[2]


WRONG: dict[str, tuple[list[str], str]] = {
    "nothing to do": ([], "give a text to plot"),
    "no such layer": (
        ["--text", "line", "--layer", "1"],
        "no layer 1: the model has layers 0 to 0",
    ),
    "too long": (["--text", "line " * 9], "the text has 45 tokens: give 1 to 16"),
    "no tokens": (["--data", "x", "--tokens", "0"], "--tokens must be at least 1"),
    "no such corpus": (["--data", "nowhere.txt"], "nowhere.txt"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_options_are_reported_and_leave_nothing(
    case: str, transformer: FinishedRun, tmp_path: Path
) -> None:
    words, message = WRONG[case]
    assert message in attention(transformer, tmp_path / "new", *words).complaint
    assert not (tmp_path / "new").exists()


def test_a_model_without_attention_is_reported(finished: FinishedRun, tmp_path: Path) -> None:
    complaint = attention(finished, tmp_path, "--text", "line").complaint
    assert "lmcourse_lstm has no attention" in complaint
