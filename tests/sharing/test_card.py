"""The model card renders, its metadata validates, and it gives nothing local away."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import ModelCard, ModelCardData

from hf_lmcourse.errors import LmcourseError
from hf_lmcourse.report.results import RunResult
from hf_lmcourse.report.tables import MODEL_TITLES
from hf_lmcourse.sharing.card import render_model_card
from hf_lmcourse.sharing.card_links import REPOSITORY, linked_files

ROOT = Path(__file__).parents[2]

TEXTS: dict[str, Any] = {
    "description": "A long short-term memory.",
    "equation": "g = tanh(W x + U h + b)\nc' = f c + i g",
    "training_data": "WikiText-2, 2,088,628 tokens.",
    "config_text": "corpus: wikitext-2\nseed: 7\n",
    "hyperparameters": {"learning_rate": 0.001, "optim": "adamw"},
}


def test_the_card_says_what_a_reader_needs(result: RunResult) -> None:
    card = render_model_card(
        result, **TEXTS, sample="= Robert =", learning_curve="plots/learning_curve.png"
    )
    text = card.text
    for part in (
        "# LSTM on wikitext-2",
        "    g = tanh(W x + U h + b)\n    c' = f c + i g\n",
        "| perplexity | 98.30 | 93.10 |",
        "| nats per token | 4.588 | 4.588 |",
        "| tokens | 217,646 | 245,569 |",
        "![Learning curve of lstm_wikitext2](plots/learning_curve.png)",
        "```\n= Robert =\n```",
        "import hf_lmcourse",
        'AutoModelForCausalLM.from_pretrained("runs/lstm_wikitext2")',
        "```bash\nlmcourse train configs/lstm_wikitext2.yaml\n```",
        "```yaml\ncorpus: wikitext-2\nseed: 7\n```",
        "| `learning_rate` | 0.001 |",
        "4,652,799 parameters, 39.5 epochs",
        "125.5 minutes on A processor with 2 threads",
        "## Intended use and limits",
        "2,088,628 tokens. Text of Wikipedia, CC BY-SA 3.0.",
        "| torch | 2.13.0 |",
        "| commit of hf_lmcourse | 1234567 |",
    ):
        assert part in text, part
    assert "{{" not in text and "{%" not in text and "\n\n\n" not in text


def test_values_without_the_spelling_of_unknown_words_have_an_asterisk(result: RunResult) -> None:
    bits = {"bits_per_character": 1.25, "bits_per_character_spelled": 2.5, "perplexity": 9.0}
    shares = {"validation": 0.5, "test": 0.0}
    metrics = {split: {**bits, "unknown_share": share} for split, share in shares.items()}
    card = render_model_card(replace(result, metrics=metrics), **TEXTS)
    assert "| bits per character | 1.250* | 1.250 |" in card.text
    assert "| bits per character spelled | 2.500 | 2.500 |" in card.text
    assert "\n\\* without the spelling of unknown tokens" in card.text
    names = {found.metric_name for found in card.data.eval_results or []}
    assert {n for n in names if "*" in n or "unknown" in n} == {
        "bits per character* (validation; * without the spelling of unknown tokens)"
    }
    known = {"test": metrics["test"]}
    assert "\\*" not in render_model_card(replace(result, metrics=known), **TEXTS).text


def test_only_the_metrics_that_matter_are_shown_and_in_four_digits(result: RunResult) -> None:
    scores = {"perplexity": 1234.567, "nats_per_token": 7.118452, "bits_per_token": 10.27}
    scores |= {"accuracy": 0.25, "word_perplexity": 9.9, "bits_per_byte": 1.1, "tokens": 12_345}
    card = render_model_card(replace(result, metrics={"test": scores}), **TEXTS)
    table = card.text.partition("## Results")[2].partition("\n\n")[2].partition("\n\n")[0]
    assert table.splitlines()[2:] == [
        "| perplexity | 1,235 |",
        "| nats per token | 7.118 |",
        "| tokens | 12,345 |",
    ]
    values = {found.metric_type: found.metric_value for found in card.data.eval_results or []}
    assert values == {"perplexity": 1235.0, "nats_per_token": 7.118}
    texts = {"validation": {"accuracy": 0.874, "cross_entropy": 0.308509730405694, "texts": 2500}}
    card = render_model_card(replace(result, metrics=texts), **TEXTS)
    for row in ("| accuracy | 0.8740 |", "| cross entropy | 0.3085 |", "| texts | 2,500 |"):
        assert row in card.text


@pytest.mark.parametrize(
    "model_type", [name for name in MODEL_TITLES if name.startswith("lmcourse_")]
)
def test_the_page_and_the_notebook_of_the_model_are_linked(
    model_type: str, result: RunResult
) -> None:
    text = render_model_card(replace(result, model_type=model_type), **TEXTS).text
    files = linked_files(model_type)
    assert files is not None
    for file in files:
        assert f"]({REPOSITORY}/{file})" in text
        folder = ROOT / Path(file).parent
        assert (ROOT / file).exists() or not folder.exists(), file


def test_a_family_of_the_users_own_has_no_links(result: RunResult) -> None:
    text = render_model_card(replace(result, model_type="my_rnn"), **TEXTS).text
    assert REPOSITORY not in text and "\n\n\n" not in text


def test_how_the_results_were_scored_follows_what_they_are(result: RunResult) -> None:
    text = render_model_card(result, **TEXTS, scoring="Scored as one stream.").text
    assert "predicted once. Scored as one stream.\nMeasured in one run" in text


def test_the_saved_card_parses_and_its_results_round_trip(
    result: RunResult, tmp_path: Path
) -> None:
    card = render_model_card(result, **TEXTS, license="mit")
    card.save(tmp_path / "README.md")
    content = (tmp_path / "README.md").read_text(encoding="utf-8")
    header = yaml.safe_load(content.split("---\n")[1])
    assert header["library_name"] == "transformers"
    assert header["pipeline_tag"] == "text-generation"
    assert header["tags"] == ["hf-lmcourse", "lmcourse_lstm"]
    assert header["datasets"] == ["Salesforce/wikitext"]
    assert header["language"] == "en"
    assert header["model-index"][0]["name"] == "lstm_wikitext2"

    data = ModelCard(content).data
    assert isinstance(data, ModelCardData)
    assert data.eval_results is not None
    assert data.to_dict() == card.data.to_dict()
    figures = {
        (found.dataset_split, found.metric_type): found.metric_value for found in data.eval_results
    }
    assert figures["validation", "perplexity"] == 98.3
    assert figures["test", "perplexity"] == 93.1
    assert ("test", "tokens") not in figures


def test_a_classifier_is_loaded_as_one(result: RunResult) -> None:
    dan = replace(result, model_type="lmcourse_dan", metrics={"test": {"accuracy": 0.875}})
    card = render_model_card(dan, **TEXTS)
    assert card.data.to_dict()["pipeline_tag"] == "text-classification"
    assert "AutoModelForSequenceClassification" in card.text
    assert "Perplexity is" not in card.text


def test_no_local_path_and_no_token_reach_the_card(result: RunResult) -> None:
    run = replace(
        result,
        corpus="/home/me/my.txt",
        config="/home/me/a.yaml",
        command="lmcourse train /home/me/a.yaml --data_dir /home/me/data --hub_token secret",
    )
    texts = {
        **TEXTS,
        "training_data": "The file /home/me/my.txt.",
        "config_text": "data_dir: /home/me/data\nhub_token: secret\n",
        "hyperparameters": {"output_dir": "/home/me/my runs", "hub_token": "secret"},
    }
    content = render_model_card(run, **texts, repository="/home/me/runs/a").content
    assert "/home" not in content
    assert "secret" not in content
    assert "# LSTM on my.txt" in content
    with pytest.raises(LmcourseError, match="relative to the card"):
        render_model_card(result, **TEXTS, learning_curve="/home/me/plots/a.png")


def test_metrics_that_are_not_finite_stay_out_of_the_metadata(result: RunResult) -> None:
    run = replace(result, metrics={"test": {"perplexity": float("inf"), "nats_per_token": 900.0}})
    card = render_model_card(run, **TEXTS)
    (entry,) = card.data.to_dict()["model-index"][0]["results"]
    assert [figure["type"] for figure in entry["metrics"]] == ["nats_per_token"]


def test_a_sample_cannot_end_its_block_or_run_as_a_template(result: RunResult) -> None:
    sample = "```\n# not a heading\n{{ result }}\n---\n"
    text = render_model_card(result, **TEXTS, sample=sample).text
    assert f"````\n{sample.strip()}\n````" in text


def test_without_a_sample_and_a_plot_their_places_are_gone(result: RunResult) -> None:
    text = render_model_card(result, **TEXTS).text
    assert "## A sample" not in text and "![" not in text and "\n\n\n" not in text
