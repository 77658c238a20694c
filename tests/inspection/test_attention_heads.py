"""Statistics of heads on heads whose behaviour is known."""

import math
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from hf_lmcourse import (
    LmcourseError,
    LSTMConfig,
    LSTMForCausalLM,
    TransformerConfig,
    TransformerForCausalLM,
)
from hf_lmcourse.inspection.attention_heads import HeadStatistics, attention_maps, head_statistics
from hf_lmcourse.tokenization import train_tokenizer

TEXT = "to be, or not\nto be: that\n" * 8
TOKENIZER = train_tokenizer("character", TEXT)
TOKENS = np.array(TOKENIZER(TEXT)["input_ids"])
WINDOW = 26


@dataclass
class KnownHeads:
    """One layer of heads, each of which looks at one place that is worked out from the tokens."""

    heads: list[Any]
    device: torch.device = torch.device("cpu")

    @property
    def config(self) -> Any:
        return SimpleNamespace(
            num_attention_heads=len(self.heads), num_hidden_layers=1, max_position_embeddings=WINDOW
        )

    def model(self, input_ids: Tensor, **_: Any) -> Any:
        weights = torch.zeros(len(input_ids), len(self.heads), WINDOW, WINDOW)
        for row, ids in enumerate(input_ids.tolist()):
            for head, look in enumerate(self.heads):
                for t in range(WINDOW):
                    weights[row, head, t, look(ids, t)] = 1
        return SimpleNamespace(attentions=(weights,))


def last(ids: list[int], t: int, wanted: Any) -> int:
    """The last place up to t where something holds, else t."""
    return next((j for j in range(t, -1, -1) if wanted(j)), t)


def line_start(ids: list[int], t: int) -> int:
    end = TOKENIZER.get_vocab()["\n"]
    return last(ids, t, lambda j: j == 0 or ids[j - 1] == end)


def known_statistics(*heads: Any) -> list[HeadStatistics]:
    return head_statistics(KnownHeads(list(heads)), TOKENIZER, TOKENS)  # type: ignore[arg-type]


def test_a_head_that_looks_at_one_kind_of_place_is_named() -> None:
    def delimiter(ids: list[int], t: int) -> int:
        signs = set(TOKENIZER.convert_tokens_to_ids([" ", ",", ":", "\n"]))
        return last(ids, t, lambda j: ids[j] in signs)

    def same(ids: list[int], t: int) -> int:
        return last(ids, t, lambda j: j < t and ids[j] == ids[t])

    rows = known_statistics(
        lambda ids, t: t, lambda ids, t: max(0, t - 1), same, line_start, delimiter
    )
    roles = ["", "itself", "previous", "same_token", "sentence_start", "delimiter"]
    assert [row.role for row in rows] == roles
    assert [row.head for row in rows] == ["uniform", *(f"0.{i}" for i in range(5))]
    for row, name in zip(rows[1:], roles[1:], strict=True):
        assert row.entropy == 0
        if name in ("itself", "previous", "sentence_start"):
            assert getattr(row, name) == pytest.approx(1)
    assert rows[1].distance == 0
    assert rows[2].distance == pytest.approx(1)


def test_the_uniform_head_is_what_counting_gives() -> None:
    uniform = known_statistics(lambda ids, t: t)[0]
    positions = range(1, WINDOW)
    assert uniform.itself == pytest.approx(np.mean([1 / (t + 1) for t in positions]))
    assert uniform.previous == pytest.approx(uniform.itself)
    assert uniform.entropy == pytest.approx(np.mean([math.log2(t + 1) for t in positions]))
    assert uniform.distance == pytest.approx(np.mean([t / 2 for t in positions]))


def tiny_transformer() -> TransformerForCausalLM:
    torch.manual_seed(0)
    config = TransformerConfig(
        vocab_size=len(TOKENIZER),
        hidden_size=8,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=WINDOW,
    )
    return TransformerForCausalLM(config).eval()


def test_maps_hold_every_head_and_readable_tokens() -> None:
    model = tiny_transformer()
    maps = attention_maps(model, TOKENIZER, "to be\n")
    assert maps.tokens == ["t", "o", "\u2423", "b", "e", "\u21b5"]
    assert maps.weights.shape == (2, 2, 6, 6)
    assert maps.weights.sum(-1) == pytest.approx(np.ones((2, 2, 6)), rel=1e-5)
    ids = TOKENIZER("to be\n", return_tensors="pt")["input_ids"]
    expected = model(ids, output_attentions=True).attentions[1][0].detach()
    assert np.array(maps.as_dict()["weights"])[1] == pytest.approx(expected.numpy(), abs=1e-5)


def test_an_untrained_transformer_is_nearly_the_uniform_head() -> None:
    uniform, *heads = head_statistics(tiny_transformer(), TOKENIZER, TOKENS)
    assert len(heads) == 4
    for head in heads:
        assert head.role == ""
        assert head.entropy == pytest.approx(uniform.entropy, rel=0.01)
        assert head.distance == pytest.approx(uniform.distance, rel=0.05)


def test_what_cannot_be_looked_at_is_refused() -> None:
    lstm = LSTMForCausalLM(LSTMConfig(vocab_size=len(TOKENIZER), hidden_size=8))
    for look in (
        lambda: attention_maps(lstm, TOKENIZER, "to be"),
        lambda: head_statistics(lstm, TOKENIZER, TOKENS),
    ):
        with pytest.raises(LmcourseError, match="lmcourse_lstm has no attention"):
            look()
    model = tiny_transformer()
    for text in ("", "to be or not to be, that is the"):
        with pytest.raises(LmcourseError, match="give 1 to 26, the model's context"):
            attention_maps(model, TOKENIZER, text)
    with pytest.raises(LmcourseError, match="has 25 tokens, fewer than one window of 26"):
        head_statistics(model, TOKENIZER, TOKENS[:25])
