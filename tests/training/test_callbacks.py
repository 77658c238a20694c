"""Each callback by itself."""

import io
import math
import os
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from transformers import TrainerControl, TrainerState

from hf_lmcourse import LSTMConfig, LSTMForCausalLM
from hf_lmcourse.data.streams import ContiguousStreams
from hf_lmcourse.tokenization import CharacterTokenizer, train_tokenizer
from hf_lmcourse.training.arguments import RunArguments
from hf_lmcourse.training.callbacks import (
    LineProgress,
    SampleText,
    StopOnSignal,
    WallTime,
    sample_text,
)

TRAINING = {"loss": 1.5, "perplexity": 4.4817, "learning_rate": 2e-3}
VALIDATION = {
    "eval_loss": 1.25,
    "eval_nats_per_token": 1.25,
    "eval_perplexity": 3.4903,
    "eval_accuracy": 0.615,
}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def tokenizer() -> Any:
    return train_tokenizer("character", "abc \n")


@pytest.fixture
def model(tokenizer: CharacterTokenizer) -> LSTMForCausalLM:
    torch.manual_seed(0)
    return LSTMForCausalLM(LSTMConfig(vocab_size=len(tokenizer), hidden_size=4))


def arguments(**changes: Any) -> RunArguments:
    return RunArguments(use_cpu=True, **changes)


def state(**changes: Any) -> TrainerState:
    return TrainerState(**{"max_steps": 10, "global_step": 3, "epoch": 0.5} | changes)


def log(progress: LineProgress, *logs: dict[str, float]) -> None:
    """A training of one step with a validation of two batches and some logs in it."""
    args, control = arguments(), TrainerControl()
    progress.on_train_begin(args, state(), control)
    progress.on_step_end(args, state(global_step=4), control)
    for _ in range(2):
        progress.on_prediction_step(args, state(), control)
    for log in logs:
        progress.on_log(args, state(), control, logs=dict(log))
    progress.on_evaluate(args, state(), control)
    progress.on_train_end(args, state(), control)


def test_a_classifier_has_no_perplexity(capsys: pytest.CaptureFixture[str]) -> None:
    training = {"loss": 0.5, "learning_rate": 0.02}
    log(LineProgress(), training, {"eval_loss": 0.25, "eval_accuracy": 0.9})
    assert capsys.readouterr().out.splitlines() == [
        "epoch   0.50  step      3  training    0.5000 nats, learning rate 2.00e-02",
        "epoch   0.50  step      3  validation  0.2500 nats, accuracy 90.0%",
    ]


def test_each_log_is_one_line_with_its_units(capsys: pytest.CaptureFixture[str]) -> None:
    log(LineProgress(), TRAINING, VALIDATION, VALIDATION | {"eval_bits_per_character": 1.8034})
    assert capsys.readouterr().out.splitlines() == [
        "epoch   0.50  step      3  training    1.5000 nats, perplexity 4.48, "
        "learning rate 2.00e-03",
        "epoch   0.50  step      3  validation  1.2500 nats, perplexity 3.49, accuracy 61.5%",
        "epoch   0.50  step      3  validation  1.2500 nats, 1.8034 bits per character, "
        "perplexity 3.49, accuracy 61.5%",
    ]


def test_an_evaluation_in_parallel_streams_has_their_number_in_its_name(
    capsys: pytest.CaptureFixture[str],
) -> None:
    progress, args, control = LineProgress(), arguments(), TrainerControl()
    progress.on_train_begin(args, state(), control)
    for streams in (1, 16):
        data = ContiguousStreams(np.arange(64), streams, 2)
        loader = SimpleNamespace(dataset=data)
        progress.on_log(args, state(), control, logs=dict(VALIDATION), eval_dataloader=loader)
    progress.on_train_end(args, state(), control)
    one, several = capsys.readouterr().out.splitlines()
    assert "validation  1.2500 nats" in one
    assert "validation in 16 streams  1.2500 nats" in several


def test_bits_per_character_have_an_asterisk_where_words_are_unknown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    bits = {"eval_bits_per_character": 1.8034}
    log(LineProgress(), *(VALIDATION | bits | {"eval_unknown_share": s} for s in (0.0, 0.1)))
    known, unknown = capsys.readouterr().out.splitlines()
    assert "1.8034 bits" in known and "1.8034* bits" in unknown


def test_logs_of_other_things_are_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    log(LineProgress(), {"train_runtime": 3.0}, {})
    assert capsys.readouterr().out == ""


def test_there_is_no_bar_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    log(LineProgress(), TRAINING)
    assert capsys.readouterr().err == ""


def test_on_a_terminal_there_is_one_bar_and_no_blank_line(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    log(LineProgress())
    shown = terminal.getvalue()
    assert "validating" in shown
    assert "3/10" in shown and "4/10" in shown  # a resumed training begins where it was
    assert shown.count("\n") == 1  # at its end
    assert "validating" not in shown.split("\r")[-1]


def test_other_processes_show_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    progress, other = LineProgress(), state(is_world_process_zero=False)
    args, control = arguments(), TrainerControl()
    progress.on_train_begin(args, other, control)
    progress.on_step_end(args, other, control)
    progress.on_prediction_step(args, other, control)
    progress.on_log(args, other, control, logs=dict(TRAINING))
    progress.on_evaluate(args, other, control)
    progress.on_train_end(args, other, control)
    assert tuple(capsys.readouterr()) == ("", "")


def test_a_sample_depends_on_its_seed_alone(
    model: LSTMForCausalLM, tokenizer: CharacterTokenizer
) -> None:
    first = sample_text(model, tokenizer, "ab", 30, seed=1)
    torch.manual_seed(5)
    assert sample_text(model, tokenizer, "ab", 30, seed=1) == first
    assert sample_text(model, tokenizer, "ab", 30, seed=2) != first


def test_a_sample_continues_the_prompt_by_its_length(
    model: LSTMForCausalLM, tokenizer: CharacterTokenizer
) -> None:
    sample = sample_text(model, tokenizer, "ab", 30)
    assert sample.startswith("ab")
    assert len(tokenizer(sample, split_special_tokens=False)["input_ids"]) == 32


@pytest.mark.parametrize("kind", ["character", "word", "digit_pattern"])
def test_a_sample_has_line_ends_and_no_other_special_token(kind: str) -> None:
    tokenizer = train_tokenizer(kind, "a b\nb c\n")
    torch.manual_seed(0)
    model = LSTMForCausalLM(LSTMConfig(vocab_size=len(tokenizer), hidden_size=4))
    samples = [sample_text(model, tokenizer, "a", 40, seed) for seed in range(5)]
    special = set(tokenizer.all_special_tokens) - {tokenizer.eos_token}
    assert special and not any(token in sample for token in special for sample in samples)
    assert any("\n" in sample for sample in samples)


@pytest.mark.parametrize("training", [True, False])
def test_a_sample_disturbs_neither_randomness_nor_mode(
    training: bool, model: LSTMForCausalLM, tokenizer: CharacterTokenizer
) -> None:
    model.train(training)
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    sample_text(model, tokenizer, "a", 5)
    torch.testing.assert_close(torch.rand(3), expected, rtol=0, atol=0)
    assert model.training is training


def test_a_diverged_model_does_not_stop_the_training_by_its_sample(
    model: LSTMForCausalLM, tokenizer: CharacterTokenizer
) -> None:
    with torch.no_grad():
        next(model.parameters()).fill_(math.nan)
    assert sample_text(model, tokenizer, "a", 3).startswith("a")


def test_samples_are_appended_with_their_step(
    model: LSTMForCausalLM, tokenizer: CharacterTokenizer, tmp_path: Path
) -> None:
    callback, args = SampleText(tokenizer, tmp_path), arguments(sample_prompt="a", sample_length=3)
    for step in (3, 6):
        callback.on_evaluate(args, state(global_step=step), TrainerControl(), model=model)
    text = (tmp_path / "samples.txt").read_text()
    assert text.startswith("--- step 3, epoch 0.50\na")
    assert "\n--- step 6, epoch 0.50\na" in text


@pytest.mark.parametrize(("length", "main_process"), [(0, True), (5, False)])
def test_no_sample_where_none_is_wanted(
    length: int, main_process: bool, tokenizer: CharacterTokenizer, tmp_path: Path
) -> None:
    callback, args = SampleText(tokenizer, tmp_path), arguments(sample_length=length)
    callback.on_evaluate(args, state(is_world_process_zero=main_process), TrainerControl())
    assert not (tmp_path / "samples.txt").exists()


def test_wall_time_adds_up_over_the_pieces_of_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("time.perf_counter", lambda: now)
    clock = WallTime()
    clock.on_train_begin(arguments(), state(), TrainerControl())
    now = 103.0
    resumed = WallTime.from_state(clock.state())
    now = 200.0
    resumed.on_train_begin(arguments(), state(), TrainerControl())
    now = 202.0
    assert resumed.total == 5.0
    resumed.on_train_end(arguments(), state(), TrainerControl())
    now = 300.0
    assert resumed.total == 5.0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_asks_for_a_checkpoint_at_the_end_of_the_step(number: int) -> None:
    before = signal.getsignal(number)
    stop, args, control = StopOnSignal(), arguments(), TrainerControl()
    stop.on_train_begin(args, state(), control)
    try:
        stop.on_step_end(args, state(), control)
        assert not control.should_save and not control.should_training_stop
        os.kill(os.getpid(), number)
        assert stop.received == number
        assert not control.should_training_stop
        stop.on_step_end(args, state(), control)
        assert control.should_save and control.should_training_stop
        with pytest.raises(KeyboardInterrupt):  # a second signal does not wait
            os.kill(os.getpid(), number)
    finally:
        stop.on_train_end(args, state(), control)
    assert signal.getsignal(number) is before


@pytest.mark.parametrize(("epoch", "evaluates"), [(1.5, False), (2.0, True)])
def test_whoever_stops_inside_an_epoch_waits_for_no_evaluation(
    epoch: float, evaluates: bool
) -> None:
    stop, now = StopOnSignal(), state()
    now.epoch = epoch
    for received, expected in ((None, True), (signal.SIGTERM, evaluates)):
        stop.received = received
        control = TrainerControl(should_evaluate=True, should_save=True)
        stop.on_epoch_end(arguments(), now, control)
        assert control.should_evaluate == control.should_save == expected


def test_signals_are_given_back_once(monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.getsignal(signal.SIGINT)
    stop = StopOnSignal()
    stop.on_train_begin(arguments(), state(), TrainerControl())
    stop.release()
    assert signal.getsignal(signal.SIGINT) is before
    monkeypatch.setattr("signal.signal", lambda *_: pytest.fail("released twice"))
    stop.release()
