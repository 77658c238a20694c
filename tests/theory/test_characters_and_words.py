"""The costs of characters and words, against tokenizers and models of any size."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from hf_lmcourse.layers.elman import ElmanLayer
from hf_lmcourse.layers.lstm import LSTMLayer
from hf_lmcourse.theory import characters_and_words as costs
from hf_lmcourse.tokenization import CharacterTokenizer, WordTokenizer

TRAIN = "a b a\n\nc  a b\n"
HELD_OUT = "a d\nb a\n"

lines = st.text(alphabet="ab \n", min_size=1, max_size=30).filter(str.strip)


@pytest.mark.parametrize(("layer", "gates"), [(ElmanLayer, 1), (LSTMLayer, 4)])
def test_parameters_and_products_are_those_of_the_layers(
    layer: type[ElmanLayer] | type[LSTMLayer], gates: int
) -> None:
    V, E, D = 11, 3, 5
    parts = torch.nn.ModuleList([torch.nn.Embedding(V, E), layer(E, D), torch.nn.Linear(D, V)])
    parameters = sum(parameter.numel() for parameter in parts.parameters())
    assert costs.recurrent_parameters(V, E, D, gates) == parameters
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        parts[2](parts[1](parts[0](torch.zeros(2, 7, dtype=torch.long)))[0])
    assert costs.recurrent_multiply_adds(V, E, D, gates) == counter.get_total_flops() / 2 / 14


@settings(max_examples=25, deadline=None)
@given(train=lines, held_out=lines, min_frequency=st.integers(1, 3))
def test_the_counts_are_those_of_the_tokenizers(
    train: str, held_out: str, min_frequency: int
) -> None:
    words = WordTokenizer.train(train, min_frequency=min_frequency)
    for units, tokenizer in (
        (costs.count_characters(train, held_out), CharacterTokenizer.train(train)),
        (costs.count_words(train, held_out, min_frequency), words),
    ):
        ids = tokenizer(held_out)["input_ids"]
        assert units.tokens == len(tokenizer(train)["input_ids"])
        assert units.vocabulary == len(tokenizer)
        assert units.characters == len(train)
        assert units.unknown_share == pytest.approx(ids.count(tokenizer.unk_token_id) / len(ids))


def test_a_small_text_by_hand() -> None:
    words = costs.count_words(TRAIN, HELD_OUT)
    assert words == (9, 5, 14, 1 / 6)  # a a a b b c and three line ends; d of six is unknown
    assert words.characters_per_token == 14 / 9
    assert costs.count_words(TRAIN, HELD_OUT, min_frequency=2).vocabulary == 4
    assert costs.count_characters(TRAIN, HELD_OUT) == (14, 7, 14, 1 / 8)


def test_bits_per_character_do_not_depend_on_the_unit() -> None:
    # the same probability for a text of 12 characters, as 12 tokens or as 3
    nats = 12 * math.log(2)
    assert costs.bits_per_character(nats / 12, 12, 12) == pytest.approx(1)
    assert costs.bits_per_character(nats / 3, 3, 12) == pytest.approx(1)
