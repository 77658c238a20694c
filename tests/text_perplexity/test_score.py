"""Every model pays for every token once, given the text before it that it looks at."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import BertConfig, BertLMHeadModel

from hf_lmcourse import LmcourseError
from hf_lmcourse.data import load_corpus
from hf_lmcourse.evaluation.corpus_scores import evaluate_split
from hf_lmcourse.evaluation.token_scores import check_causal
from hf_lmcourse.text_perplexity.encoded_text import encode_text
from hf_lmcourse.text_perplexity.token_classes import class_costs
from hf_lmcourse.tokenization import train_tokenizer

from .scored_models import (
    BYTES,
    CHARACTERS,
    KINDS,
    TEXT,
    WINDOW,
    WORDS,
    byte_tokenizer,
    randomize,
    score,
    tiny,
    tiny_gpt2,
)

LINE_BREAK = CHARACTERS.get_vocab()["\n"]


def cost_given(model: Any, before: list[int], token: int, temperature: float = 1.0) -> float:
    """-log p(token | before), from one forward pass of its own."""
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([before])).logits[0, -1]
    return -torch.log_softmax(logits / temperature, -1)[token].item()


@pytest.mark.parametrize("kind", ["lstm", "bigram_mlp", "ngram_fnn"])
@pytest.mark.parametrize("temperature", [1.0, 0.8])
def test_a_model_with_a_state_sees_all_of_the_text(kind: str, temperature: float) -> None:
    model = tiny(kind)
    ids = [LINE_BREAK, *CHARACTERS(TEXT)["input_ids"]]
    expected = [cost_given(model, ids[:t], ids[t], temperature) for t in range(1, len(ids))]
    found = score(model, temperature=temperature)
    assert found.nats == pytest.approx(expected, rel=1e-5)
    assert found.metrics["tokens"] == len(TEXT)
    assert found.start == "\n"


@pytest.mark.parametrize("block_length", [None, 5])
@pytest.mark.parametrize("stride", [1, 3, 5])
@pytest.mark.parametrize("kind", ["transformer", "gpt2"])
def test_each_token_has_the_context_that_was_asked_for(
    kind: str, stride: int, block_length: int | None
) -> None:
    model, tokenizer = (tiny_gpt2(), BYTES) if kind == "gpt2" else (tiny(kind), CHARACTERS)
    start = BYTES.bos_token_id if kind == "gpt2" else LINE_BREAK
    window = block_length or WINDOW
    ids = [start, *tokenizer(TEXT)["input_ids"]]
    expected, contexts = [], []
    for t in range(1, len(ids)):
        number = max(0, math.ceil((t - window) / stride))  # of the window whose labels end last
        before = ids[number * stride : t]
        contexts.append(len(before))
        expected.append(cost_given(model, before, ids[t]))
    found = score(model, tokenizer, block_length=block_length, stride=stride)
    assert found.nats == pytest.approx(expected, rel=1e-5)
    assert min(contexts[window:]) == found.context.least == window - stride + 1
    assert max(contexts) == found.context.longest == window
    assert np.mean(contexts) == pytest.approx(found.context.mean)


def test_the_mean_context_of_an_n_gram_model_grows_to_its_window() -> None:
    assert score(tiny("ngram_fnn"), text="abcd e").context.mean == pytest.approx(
        (1 + 2 + 3 * 4) / 6
    )
    assert score(tiny("bigram_mlp")).context.mean == 1
    assert score(tiny("lstm"), text="abcd").context.mean == 2.5


@settings(max_examples=8, deadline=None)
@given(st.text("to be\n", min_size=1, max_size=40).filter(str.strip))
def test_any_text_is_scored_once_a_token_by_any_model(text: str) -> None:
    for model, tokenizer in ((tiny("lstm"), CHARACTERS), (tiny_gpt2(), BYTES)):
        found = score(model, tokenizer, text, stride=3 if tokenizer is BYTES else None)
        assert len(found.nats) == len(text)
        assert (found.nats > 0).all()


def test_the_metrics_are_those_of_an_evaluation_of_the_same_text(tmp_path: Path) -> None:
    (tmp_path / "test.txt").write_text(TEXT)
    for kind in KINDS:
        model = tiny(kind)
        expected = evaluate_split(
            model, CHARACTERS, load_corpus(str(tmp_path)), "test", cache_dir=tmp_path
        )
        assert score(model).metrics == pytest.approx(expected, rel=1e-6)


def test_the_units_count_the_text_and_not_the_tokens() -> None:
    text = "Māori be\n"
    found = score(tiny_gpt2(), BYTES, text)
    nats = math.fsum(found.nats)
    assert len(found.nats) == 10
    assert found.metrics["bits_per_byte"] == pytest.approx(nats / math.log(2) / 10)
    assert found.metrics["bits_per_character"] == pytest.approx(nats / math.log(2) / 9)
    assert found.metrics["word_perplexity"] == pytest.approx(math.exp(nats / 3))
    assert found.metrics["unknown_share"] == 0


def test_unknown_tokens_are_counted_and_placed() -> None:
    text = "To is  or\nXYZ is"
    encoded = encode_text(text, WORDS)
    assert encoded.unknown.tolist() == [False, False, False, False, True, False]
    assert [text[a:b] for a, b in encoded.spans] == ["To", "is", "or", "\n", "XYZ", "is"]
    assert not encoded.lossless
    assert score(tiny("lstm", WORDS), WORDS, "To XYZ").metrics["unknown_share"] == 0.5


def test_marks_that_are_never_predicted_count_in_no_figure(tmp_path: Path) -> None:
    tokenizer = train_tokenizer("digit_pattern", TEXT)
    model, text = tiny("bigram_mlp", tokenizer), "to be or\nnot XYZ 1999\n"
    (tmp_path / "test.txt").write_text(text)
    corpus = load_corpus(str(tmp_path))
    found = score(model, tokenizer, text)
    assert found.metrics == pytest.approx(
        evaluate_split(model, tokenizer, corpus, "test", cache_dir=tmp_path), rel=1e-6
    )
    assert found.metrics["tokens"] == found.predicted.sum() == 8, "six words, two line ends"
    assert found.metrics["unknown_share"] == found.unknown.mean() == 3 / 8, "be, XYZ, 1999"
    costs = class_costs(found)
    assert sum(cost.tokens for cost in costs.values()) == pytest.approx(1)
    assert costs["unknown tokens"].tokens == 3 / 8
    unknown = found.nats[found.predicted][found.unknown].mean() / math.log(2)
    assert costs["unknown tokens"].bits_per_token == pytest.approx(unknown)


@pytest.mark.parametrize(
    ("text", "tokenizer", "lossless"),
    [
        (TEXT, CHARACTERS, True),
        ("To be Q", CHARACTERS, False),
        ("Māori – 40%", BYTES, True),
        ("To is\nthe", WORDS, True),
        ("To  is", WORDS, False),
    ],
)
def test_only_tokens_that_give_the_text_back_lose_nothing(
    text: str, tokenizer: Any, lossless: bool
) -> None:
    assert encode_text(text, tokenizer).lossless == lossless


def test_without_a_beginning_the_first_token_is_context_and_its_text_does_not_count() -> None:
    tokenizer = train_tokenizer("character", "to be or")
    model = tiny("lstm", tokenizer)
    found, whole = score(model, tokenizer, "to be"), tokenizer("to be")["input_ids"]
    assert found.start is None
    assert len(found.nats) == 4
    assert found.nats[0] == pytest.approx(cost_given(model, whole[:1], whole[1]), rel=1e-5)
    bits = math.fsum(found.nats) / math.log(2)
    assert found.metrics["bits_per_character"] == pytest.approx(bits / 4)
    with pytest.raises(LmcourseError, match="text has no token that model could predict"):
        score(model, tokenizer, "t")


def test_the_beginning_is_bos_then_eos_then_a_line_break() -> None:
    for special, start in (
        ({"bos_token": "<s>", "eos_token": "</s>"}, "<s>"),
        ({"eos_token": "</s>"}, "</s>"),
        ({}, "Ċ"),
    ):
        tokenizer = byte_tokenizer(**special)
        assert score(tiny_gpt2(tokenizer), tokenizer).start == start


def test_a_temperature_changes_the_metrics_and_is_remembered() -> None:
    model = tiny("lstm")
    assert score(model, temperature=0.8).temperature == 0.8
    flat = score(model, temperature=1e9)
    assert flat.metrics["perplexity"] == pytest.approx(len(CHARACTERS))


def test_metrics_that_are_not_finite_are_refused() -> None:
    model = tiny("lstm")
    with torch.no_grad():
        model.lm_head.bias[3] = math.nan
    with pytest.raises(
        LmcourseError, match="model gives text probabilities that are 0 or not finite"
    ):
        score(model)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"stride": 9}, "a stride of 9 does not fit windows of 8 tokens: give 1 to 8"),
        ({"stride": 0}, "a stride of 0 does not fit"),
        ({"block_length": 9}, "reads 8 tokens: a window .* of 9 does not fit"),
        ({"block_length": -1}, "a window .* of -1 does not fit"),
    ],
)
def test_windows_that_do_not_fit_are_refused(options: dict[str, int], message: str) -> None:
    for model, tokenizer in ((tiny("transformer"), CHARACTERS), (tiny_gpt2(), BYTES)):
        with pytest.raises(LmcourseError, match=message):
            score(model, tokenizer, **options)


def test_a_model_that_looks_ahead_has_no_perplexity() -> None:
    settings = {"vocab_size": 11, "hidden_size": 8, "num_hidden_layers": 1, "intermediate_size": 8}
    for decoder in (True, False):
        config = BertConfig(**settings, num_attention_heads=2, is_decoder=decoder)
        model = randomize(BertLMHeadModel(config))
        if decoder:
            check_causal(model, "bert")
        else:
            with pytest.raises(LmcourseError, match=r"bert \(bert\) looks ahead"):
                check_causal(model, "bert")
