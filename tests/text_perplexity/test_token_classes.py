"""Surprisal by class of token."""

import math

import pytest

from hf_lmcourse.text_perplexity.token_classes import CLASSES, class_costs
from hf_lmcourse.tokenization import train_tokenizer

from .scored_models import BYTES, CHARACTERS, TEXT, WORDS, score, tiny, tiny_gpt2

PUNCTUATED = train_tokenizer("word_punctuation", TEXT)


MODELS = {
    "characters": (tiny("lstm"), CHARACTERS),
    "words": (tiny("lstm", WORDS), WORDS),
    "words and marks": (tiny("lstm", PUNCTUATED), PUNCTUATED),
    "bytes": (tiny_gpt2(), BYTES),
}


def test_classes_add_up_to_the_figure() -> None:
    for model, tokenizer in MODELS.values():
        found = score(model, tokenizer, "To be Q\nin 1642, Tō 'tis ō\n")
        costs = class_costs(found)
        total = math.fsum(cost.bits_per_character for cost in costs.values())
        assert total == pytest.approx(found.metrics["bits_per_character"])
        assert math.fsum(cost.bits for cost in costs.values()) == pytest.approx(1)
        assert math.fsum(cost.tokens for cost in costs.values()) == pytest.approx(1)
        assert list(costs) == [name for name in CLASSES if name in costs]


def test_a_token_is_of_the_first_class_that_fits() -> None:
    found = score(tiny_gpt2(), BYTES, "A1ō b\n")
    costs = class_costs(found)
    shares = {name: cost.tokens * len(found.nats) for name, cost in costs.items()}
    assert shares == pytest.approx(
        {
            "tokens with a digit": 1,
            "tokens with a character beyond ASCII": 2,
            "tokens with a capital letter": 1,
            "line breaks": 1,
            "tokens of lower-case letters, punctuation and spaces": 2,
        }
    )
    assert costs["line breaks"].bits_per_token == pytest.approx(found.nats[-1] / math.log(2))
