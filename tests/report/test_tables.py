"""Tables say what was measured, in the unit of its kind, and README sections follow them."""

from dataclasses import replace

import pytest

from hf_lmcourse.errors import LmcourseError
from hf_lmcourse.report.references import PUBLISHED_RESULTS
from hf_lmcourse.report.results import RunResult
from hf_lmcourse.report.tables import (
    markdown_table,
    marker_names,
    replace_between_markers,
    results_table,
)


def columns(table: str, row: int) -> dict[str, str]:
    lines = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.split("\n")]
    return dict(zip(lines[0], lines[row + 2], strict=True))


def test_a_model_of_words_shows_perplexity(result: RunResult) -> None:
    row = columns(results_table([result]), 0)
    assert row == {
        "model": "LSTM",
        "corpus": "wikitext-2",
        "config": "[lstm_wikitext2](configs/lstm_wikitext2.yaml)",
        "parameters": "4,652,799",
        "perplexity, validation / test": "98.30 / 93.10",
        "seed": "7",
        "minutes": "125.5",
        "device, threads": "A processor, 2",
        "command or source": "`lmcourse train configs/lstm_wikitext2.yaml`",
    }


def test_values_per_character_have_an_asterisk_if_characters_are_unknown(
    result: RunResult,
) -> None:
    scores = {"nats_per_token": 1.5, "bits_per_token": 2.164, "bits_per_character": 2.164}
    scores |= {"perplexity": 4.48}
    metrics = {"validation": scores, "test": scores | {"unknown_share": 0.01}}
    table = results_table([replace(result, metrics=metrics)])
    assert "| 1.5000 / 1.5000* | 2.164 / 2.164* |" in table
    assert table.endswith(
        "\n\n\\* without the spelling of unknown tokens: too low to compare with other tokenizers"
    )
    words = {split: values | {"bits_per_character": 0.5} for split, values in metrics.items()}
    assert "*" not in results_table([replace(result, metrics=words)])


def test_a_model_of_characters_shows_nats_and_bits_per_character(result: RunResult) -> None:
    metrics = {
        **{"perplexity": 4.348, "nats_per_token": 1.4697, "accuracy": 0.5},
        **{"bits_per_token": 2.1203, "bits_per_character": 2.1203},
    }
    run = replace(result, corpus="tiny_shakespeare", metrics={"validation": metrics})
    table = results_table([run], PUBLISHED_RESULTS)
    for row in (0, 1):  # our run and nanoGPT's
        assert columns(table, row)["nats per character, validation / test"] == "1.4697 / -"
        assert columns(table, row)["bits per character, validation / test"] == "2.120 / -"
    assert "published" in columns(table, 1)["model"]
    assert "karpathy/nanoGPT" in columns(table, 1)["command or source"]
    assert len(table.split("\n")) == 2 + 1 + 2


def test_classifiers_and_word_similarity_have_their_own_tables(result: RunResult) -> None:
    classifier = replace(
        result, corpus="imdb", model_type="lmcourse_dan", metrics={"test": {"accuracy": 0.8812}}
    )
    similarity = replace(result, corpus="wordsim353", metrics={"test": {"spearman": 0.5}})
    first, second = results_table([similarity, classifier]).split("\n\n")
    assert columns(first, 0)["accuracy in percent, validation / test"] == "- / 88.12"
    assert columns(second, 0)["Spearman correlation, validation / test"] == "- / 0.500"


def test_rows_come_by_corpus_and_in_the_order_of_the_course(result: RunResult) -> None:
    families = ["lmcourse_transformer", "lmcourse_other", "lmcourse_ngram_fnn", "lmcourse_lstm"]
    runs = [replace(result, model_type=family) for family in families]
    table = results_table([*runs, replace(result, corpus="ptb")])
    assert [columns(table, row)["model"] for row in range(5)] == [
        *("LSTM", "n-gram FNN", "LSTM", "Transformer", "lmcourse_other")
    ]


def test_a_result_without_a_known_metric_is_refused(result: RunResult) -> None:
    with pytest.raises(LmcourseError, match="lstm_wikitext2"):
        results_table([replace(result, metrics={"test": {"tokens": 3}})])


def test_local_paths_do_not_reach_a_table(result: RunResult) -> None:
    run = replace(result, command="lmcourse train a.yaml --data_dir /home/me/data")
    assert "/home/me" not in results_table([run])


def test_bars_and_line_ends_do_not_break_a_table() -> None:
    assert markdown_table(["a"], [["x | y\nz"]]).split("\n")[2] == r"| x \| y z |"


def test_only_the_text_between_the_markers_changes() -> None:
    document = "top\n<!-- results:ptb -->\nold\n<!-- /results:ptb -->\nend\n"
    changed = replace_between_markers(document, "ptb", "new")
    assert changed == "top\n<!-- results:ptb -->\nnew\n<!-- /results:ptb -->\nend\n"
    assert replace_between_markers(changed, "ptb", "new") == changed
    assert marker_names(changed) == ["ptb"]


@pytest.mark.parametrize(
    "document",
    [
        "",
        "<!-- results:ptb -->",
        "<!-- /results:ptb --> <!-- results:ptb -->",
        "<!-- results:ptb --><!-- results:ptb --><!-- /results:ptb -->",
    ],
)
def test_missing_markers_are_refused(document: str) -> None:
    with pytest.raises(LmcourseError, match="results:ptb"):
        replace_between_markers(document, "ptb", "new")


def test_published_results_name_their_source() -> None:
    assert all(reference.source for reference in PUBLISHED_RESULTS)
