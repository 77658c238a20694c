"""Tables contain what the scores say."""

import csv
import io
import json
import math
import re
from typing import Any

import pytest

from hf_lmcourse.report.json_files import json_text
from hf_lmcourse.text_perplexity.score import TextScore
from hf_lmcourse.text_perplexity.table import (
    BASES,
    csv_table,
    entropy,
    json_record,
    markdown_rows,
    text_table,
)

from .scored_rows import SCORES, of


@pytest.mark.parametrize("base", BASES)
def test_the_perplexity_is_the_same_in_every_base(base: str) -> None:
    for score in SCORES:
        cross_entropy, perplexity = entropy(score, base)
        assert perplexity == pytest.approx(score.metrics["perplexity"])
        assert cross_entropy * math.log(BASES[base][0]) == pytest.approx(
            score.metrics["nats_per_token"]
        )
    assert f" {BASES[base][1]}/token " in text_table(SCORES, base)


def test_every_row_of_the_terminal_shows_its_metrics() -> None:
    header, *rows = text_table(SCORES).splitlines()
    assert len(rows) == len(SCORES)
    assert header.split()[:4] == ["model", "passage", "text", "changed"]
    for row, score in zip(rows, SCORES, strict=True):
        cells = row.split()
        assert cells[:3] == [score.model, score.text.name, score.text.preprocessing]
        assert cells[3] == f"{score.text.changed:.1%}"
        assert cells[4:7] == [
            f"{score.metrics['tokens']:,}",
            f"{score.metrics['perplexity']:,.2f}",
            f"{score.metrics['nats_per_token']:.4f}",
        ]
        assert f"{score.metrics['unknown_share']:.1%}" in cells
        figure = f"{score.metrics['bits_per_character']:.3f}"
        assert cells[7] == figure + "*" * (not score.encoded.lossless)
    cells = rows[0].split()
    assert cells[-3:] == ["verbatim", "A", "A"]
    assert "?" in rows[SCORES.index(of("bytes", "play"))].split()


def test_columns_that_have_nothing_to_say_are_left_out() -> None:
    header = text_table([of("bytes", "wiki"), of("words", "wiki")]).splitlines()[0]
    assert "changed" not in header and "in training" not in header


def test_markdown_has_the_same_cells_as_the_terminal() -> None:
    terminal = [re.split(r"\s{2,}", row.strip()) for row in text_table(SCORES).splitlines()]
    lines = markdown_rows(SCORES).splitlines()
    markdown = [[c.strip() for c in line.strip("|").split("|")] for line in lines]
    assert markdown[0] == terminal[0] and markdown[2:] == terminal[1:]


def test_csv_and_json_hold_every_figure_unrounded() -> None:
    rows = list(csv.DictReader(io.StringIO(csv_table(SCORES, "10"))))
    record = json.loads(json_text(json_record(SCORES, "10")))
    assert len(rows) == len(record["rows"]) == len(SCORES)
    for row, kept, score in zip(rows, record["rows"], SCORES, strict=True):
        assert list(row) == list(kept)
        for name, value in score.metrics.items():
            assert float(row[name]) == kept[name] == pytest.approx(value)
        assert kept["dits_per_token"] == pytest.approx(math.log10(score.metrics["perplexity"]))
        assert kept["nats"] == pytest.approx(score.metrics["nats_per_token"] * len(score.nats))
    assert record["rows"][0]["verbatim_in_training_text"] is True
    assert record["rows"][2]["training_text"] is None
    pair = next(pair for pair in record["comparisons"] if pair["rows"] == [0, 1])
    assert pair["bits_per_character"] and pair["perplexity"]


def test_a_perplexity_without_bounds_stays_strict_json() -> None:
    score = of("bytes", "wiki")
    huge = {**score.metrics, "nats_per_token": 1e4, "perplexity": math.inf}
    row = json.loads(json_text(json_record([_with(score, metrics=huge)])))["rows"][0]
    assert row["perplexity"] is None
    assert "inf" in text_table([_with(score, metrics=huge)])


def _with(score: TextScore, **changes: Any) -> TextScore:
    return TextScore(**{**vars(score), **changes})
