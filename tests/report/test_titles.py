"""What plots call settings, metrics and corpora."""

import pytest

from hf_lmcourse.report.titles import capitalised, corpus_title, metric_title, setting_title


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("num_attention_heads", "number of attention heads"),
        ("hidden_act", "activation function"),
        ("word_dropout", "word dropout"),
        ("a name of the user's own", "a name of the user's own"),
        ("numerals", "numerals"),
    ],
)
def test_a_setting_is_named_in_words(name: str, words: str) -> None:
    assert setting_title(name) == words


def test_a_metric_is_named_in_words() -> None:
    assert metric_title("nats_per_token") == "loss in nats per token"
    assert metric_title("perplexity") == "perplexity"


def test_a_corpus_has_the_name_that_its_readers_know_and_a_file_no_folder() -> None:
    assert corpus_title("wikitext-2") == "WikiText-2"
    assert corpus_title("/home/me/my corpus.txt") == "my corpus.txt"


def test_only_the_first_letter_is_made_a_capital() -> None:
    assert capitalised("loss of an LSTM") == "Loss of an LSTM" and capitalised("") == ""
