"""The temperature that is found is the one with the least loss."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from hf_lmcourse import CharacterTokenizer
from hf_lmcourse.adaptation.adapted_model import AdaptedModel
from hf_lmcourse.adaptation.temperature import tune_temperature
from hf_lmcourse.data.corpora import load_corpus
from hf_lmcourse.evaluation.corpus_scores import score_streams
from hf_lmcourse.evaluation.token_scores import LogitScorer

from .adapted import VOCABULARY, batches_of, model_of, some_text


def loss_at(model: Any, tokens: Any, temperature: float) -> float:
    scorer = LogitScorer(model)  # from all logits, in float64
    return score_streams(scorer, batches_of(model, tokens), temperature=temperature).nats


def sampled_text(model: Any, temperature: float, length: int = 400) -> Any:
    """A text that the model says at a temperature: the one that suits it, but for chance."""
    torch.manual_seed(1)
    start = torch.zeros(1, 1, dtype=torch.long)
    options = {"do_sample": True, "top_k": 0, "max_new_tokens": length}
    ids = model.generate(start, temperature=temperature, **options, pad_token_id=0)
    return ids[0, 1:].numpy()


@pytest.mark.parametrize("changes", [{}, {"output_layer": "tied"}, {"num_softmaxes": 2}])
@pytest.mark.parametrize("kind", ["lstm", "ngram_fnn"])
def test_no_other_temperature_has_a_smaller_loss(kind: str, changes: dict[str, Any]) -> None:
    model = model_of(kind, **changes)
    tokens = sampled_text(model, 0.7)
    found = tune_temperature(model, lambda: batches_of(model, tokens)).temperature
    least = loss_at(model, tokens, found)
    assert least < loss_at(model, tokens, 1.0)
    for factor in (0.9, 0.98, 1.02, 1.1):
        assert least < loss_at(model, tokens, factor * found)
    assert math.isclose(found, 0.7, rel_tol=0.35), "the text was drawn at 0.7"


def test_a_text_that_is_always_right_and_equal_logits_end_the_search() -> None:
    model = model_of("lstm")
    with torch.no_grad():
        model.lm_head.weight.zero_()
        model.lm_head.bias.zero_()
    tokens = some_text()
    assert tune_temperature(model, lambda: batches_of(model, tokens)).temperature == 1
    with torch.no_grad():
        model.lm_head.bias[3] = 1.0
    always = torch.full((20,), 3).numpy()
    found = tune_temperature(model, lambda: batches_of(model, always)).temperature
    assert 0 < found < 0.1


def test_windows_are_tuned_too() -> None:
    model = model_of("transformer")
    tokens = some_text(60)
    found = tune_temperature(model, lambda: batches_of(model, tokens)).temperature
    losses = [loss_at(model, tokens, factor * found) for factor in (0.95, 1.0, 1.05)]
    assert losses[1] == min(losses)


def test_the_temperature_is_chosen_on_validation_whatever_is_scored(tmp_path: Path) -> None:
    letters = "abcdef"
    for name, text in (("train", letters), ("validation", letters * 20), ("test", letters[::-1])):
        (tmp_path / f"{name}.txt").write_text(text * 3)
    tokenizer = CharacterTokenizer.train(letters + "\n")
    assert len(tokenizer) >= VOCABULARY
    model = model_of("gru", vocab_size=len(tokenizer))
    adapted = AdaptedModel(model, tokenizer, load_corpus(str(tmp_path)), tmp_path)
    (test, chosen), (validation, same) = map(adapted.at_best_temperature, ("test", "validation"))
    assert chosen == same
    assert test["tokens"] == 18
    assert validation["tokens"] == 360
    assert test["perplexity"] != validation["perplexity"]
