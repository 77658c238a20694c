"""Both sides of a training step on words do the same work."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from benchmarks import memory, wikitext2_step
from benchmarks.plain import PlainLSTM
from benchmarks.processor import precisions
from benchmarks.tokens import block_cycle, word_tokens, zipf_tokens
from hf_lmcourse.models import LSTMForCausalLM

TINY = wikitext2_step.StepSetting(
    vocabulary=60, width=8, streams=3, length=5, num_sampled=20, dropout=0.0, learning_rate=2.0
)
TOKENS = zipf_tokens(100, TINY.vocabulary)


def blocks() -> wikitext2_step.Blocks:
    return block_cycle(TOKENS, TINY.streams, TINY.length)


def with_weights_of(ours: LSTMForCausalLM) -> PlainLSTM:
    plain = PlainLSTM(TINY.vocabulary, TINY.width, TINY.layers)
    with torch.no_grad():
        plain.embedding.weight.copy_(ours.model.embed_tokens.weight)
        plain.output.bias.copy_(ours.lm_head.bias)
        for index, layer in enumerate(ours.model.layers):
            theirs = plain.lstm.all_weights[index]
            theirs[0].copy_(layer.input_projection.weight)
            theirs[1].copy_(layer.recurrent_projection.weight)
            theirs[2].copy_(layer.input_projection.bias)
            theirs[3].zero_()
    return plain


def test_the_plain_loop_computes_our_losses_and_gradients_over_all_words() -> None:
    # No step is taken: the two biases of torch's LSTM learn twice as fast as our one.
    setting = replace(TINY, learning_rate=0.0, max_norm=1e9)
    ours = wikitext2_step.our_model(setting, sampled=False)
    plain = with_weights_of(ours)
    our_loop = wikitext2_step.our_loop(ours, setting, blocks(), bf16=False)
    plain_loop = wikitext2_step.plain_loop(plain, setting, blocks(), bf16=False)
    for _ in range(3):  # a state that is not carried would show from the second on
        assert our_loop() == pytest.approx(plain_loop(), rel=1e-5)
        found = ours.model.embed_tokens.weight.grad
        torch.testing.assert_close(found, plain.embedding.weight.grad, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("sampled", [False, True])
@pytest.mark.parametrize("bf16", [False, True])
def test_our_step_learns(sampled: bool, bf16: bool) -> None:
    step = wikitext2_step.our_step(TINY, TOKENS[:16], bf16, sampled)
    losses = [step() for _ in range(60)]
    assert losses[-1] < 0.7 * losses[0]


def test_every_row_has_our_side_next_to_the_plain_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LMCOURSE_DATA", raising=False)
    monkeypatch.setattr(memory, "peak_bytes", lambda way, steps: 7)
    rows = list(wikitext2_step.wikitext2_step(1, TINY))
    in_float32 = ["ours", "plain loop"]
    in_bf16 = [[*in_float32, "plain loop, bf16"]] * 2 if "bf16" in precisions() else []
    assert [list(row.medians) for row in rows] == [*in_bf16, in_float32, in_float32]
    assert all(row.amount == 15 and "random words" in row.setting for row in rows)
    assert all(set(row.peak_bytes) == set(row.medians) for row in rows)


def test_random_words_follow_zipfs_law() -> None:
    tokens = zipf_tokens(200_000, 50)
    assert tokens.min() == 0 and tokens.max() == 49
    counts = torch.bincount(torch.from_numpy(tokens)).double()
    assert counts[0] / counts[9] == pytest.approx(10, rel=0.1)


def test_words_of_a_corpus_are_taken_where_it_is_at_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ptb").mkdir()
    for split in ("train", "validation"):
        (tmp_path / "ptb" / f"{split}.txt").write_text(" a b a c\n" * 9)
    monkeypatch.setenv("LMCOURSE_DATA", str(tmp_path))
    tokens, source = word_tokens("ptb", 4, 7)
    assert source == "ptb"
    assert tokens.tolist()[5:] == tokens.tolist()[:2]  # four words and the end of a line
    assert set(tokens.tolist()) == {0, 1, 2, 3}  # b or c is unknown
    assert word_tokens("wikitext-2", 4, 7)[1] == "random words"


def test_blocks_go_round_in_their_order() -> None:
    blocks = block_cycle(zipf_tokens(31, 9), streams=2, length=5)
    first, second, third, again = (next(blocks) for _ in range(4))
    assert torch.equal(first[1][:, :-1], first[0][:, 1:])
    assert torch.equal(second[0][:, 0], first[1][:, -1])
    assert torch.equal(again[0], first[0]) and not torch.equal(third[0], first[0])
