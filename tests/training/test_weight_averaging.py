"""Averaged weights: the averages of the equations, in evaluation and files, resumable."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from transformers import TrainerCallback

from hf_lmcourse import LmcourseError, LSTMForCausalLM
from hf_lmcourse.training.trainer import StreamTrainer
from hf_lmcourse.training.weight_averaging import WeightAverage

from .test_trainer import tiny_model, trainer


def snapshots(count: int) -> list[list[Tensor]]:
    generator = torch.Generator().manual_seed(0)
    return [
        [torch.randn(3, 2, generator=generator, dtype=torch.float64) for _ in range(2)]
        for _ in range(count)
    ]


def test_the_exponential_average_is_that_of_the_equation() -> None:
    average, expected = WeightAverage("ema", decay=0.6), []
    for k, weights in enumerate(snapshots(20), start=1):
        average.update(weights)
        decay = min(0.6, (1 + k) / (10 + k))
        if k == 1:
            expected = weights
        else:
            expected = [decay * a + (1 - decay) * w for a, w in zip(expected, weights, strict=True)]
    assert average.averages is not None
    torch.testing.assert_close(average.averages, expected, rtol=1e-12, atol=1e-12)


def test_averaged_sgd_is_the_mean_since_the_trigger() -> None:
    average, weights = WeightAverage("nt_asgd", interval=1), snapshots(9)
    for k, w in enumerate(weights):
        average.update(w)
        if k < 4:
            assert average.averages is None
            assert average.record_loss([3.0, 2.0, 1.0, 2.5][k]) == (k == 3)  # 2.5 > 2
    expected = [torch.stack(column).mean(0) for column in zip(*weights[4:], strict=True)]
    assert average.averages is not None
    torch.testing.assert_close(average.averages, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("losses", "pulled_at"),
    [
        ([5, 4, 3, 2, 1, 0], None),
        ([5, 4, 4.5, 4.4, 4.6, 4.7], 5),  # 4.7 is above 4, the least of the first two
        ([1, 2, 3, 4], None),
        ([1, 2, 3, 4, 5, 6], 4),
        ([1, 2], None),
    ],
)
def test_the_trigger_is_that_of_the_paper(losses: list[float], pulled_at: int | None) -> None:
    average = WeightAverage("nt_asgd", interval=3)
    pulled = [t for t, loss in enumerate(losses) if average.record_loss(loss)]
    assert pulled == ([] if pulled_at is None else [pulled_at])
    assert average.started == (pulled_at is not None)


class Keep(TrainerCallback):
    """The weights after every step."""

    def __init__(self) -> None:
        self.weights: list[dict[str, Tensor]] = []

    def on_optimizer_step(self, *args: Any, model: Any = None, **kwargs: Any) -> None:
        self.weights.append({n: p.detach().clone() for n, p in model.named_parameters()})


def exponential(weights: list[dict[str, Tensor]], decay: float) -> dict[str, Tensor]:
    expected = weights[0]
    for k, now in enumerate(weights[1:], start=2):
        d = min(decay, (1 + k) / (10 + k))
        expected = {name: d * expected[name] + (1 - d) * now[name] for name in now}
    return expected


@pytest.mark.parametrize("output_layer", ["full", "tied"])
def test_the_average_is_evaluated_saved_and_what_the_training_ends_with(
    tmp_path: Path, output_layer: str
) -> None:
    run = trainer(
        tmp_path,
        tiny_model(output_layer=output_layer),
        weight_averaging="ema",
        ema_decay=0.8,
        save_strategy="steps",
        save_steps=8,
        eval_strategy="steps",
        eval_steps=8,
    )
    keep = Keep()
    run.add_callback(keep)
    run.train()
    saved = LSTMForCausalLM.from_pretrained(tmp_path / "checkpoint-8")
    for name, value in exponential(keep.weights[:8], 0.8).items():
        torch.testing.assert_close(saved.get_parameter(name).data, value, rtol=1e-5, atol=1e-6)
    raw = load_file(tmp_path / "checkpoint-8" / "raw_weights.safetensors")
    assert all(torch.equal(raw[name], value) for name, value in keep.weights[7].items())
    logged = next(log["eval_loss"] for log in run.state.log_history if "eval_loss" in log)
    assert trainer(tmp_path / "other", saved).evaluate()["eval_loss"] == pytest.approx(logged)
    for name, value in exponential(keep.weights, 0.8).items():
        torch.testing.assert_close(run.model.get_parameter(name).data, value, rtol=1e-5, atol=1e-6)


def test_the_training_itself_does_not_feel_the_average(tmp_path: Path) -> None:
    settings = {"eval_strategy": "steps", "eval_steps": 5, "save_strategy": "steps"}
    settings |= {"save_steps": 5}
    plain = trainer(tmp_path / "plain", **settings)
    averaged = trainer(tmp_path / "averaged", weight_averaging="ema", **settings)
    keep = Keep()
    averaged.add_callback(keep)
    plain.train()
    averaged.train()
    for name, value in plain.model.named_parameters():
        assert torch.equal(keep.weights[-1][name], value.detach())


def test_the_best_checkpoint_is_not_averaged_once_more(tmp_path: Path) -> None:
    run = trainer(
        tmp_path,
        weight_averaging="ema",
        save_strategy="steps",
        save_steps=5,
        eval_strategy="steps",
        eval_steps=5,
        load_best_model_at_end=True,
        metric_for_best_model="loss",
        greater_is_better=False,
    )
    run.train()
    assert run.state.best_model_checkpoint is not None
    best = LSTMForCausalLM.from_pretrained(run.state.best_model_checkpoint)
    for name, value in best.named_parameters():
        assert torch.equal(run.model.get_parameter(name), value)
    assert run.evaluate()["eval_loss"] == pytest.approx(run.state.best_metric)


@pytest.mark.parametrize("kind", ["ema", "nt_asgd"])
@pytest.mark.parametrize("stop_at", [4, 13, 17])
def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(
    tmp_path: Path, stop_at: int, kind: str
) -> None:
    settings: dict[str, Any] = {
        "weight_averaging": kind,
        "non_monotone_interval": 1,
        "learning_rate": 2.0,  # so high that the validation loss rises, and pulls the trigger
        "save_strategy": "steps",
        "save_steps": stop_at,
        "eval_strategy": "steps",
        "eval_steps": 2,
    }

    def fresh(folder: str) -> StreamTrainer:
        return trainer(tmp_path / folder, tiny_model(output_dropout=0.5), **settings)

    whole = fresh("whole")
    whole.train()
    torch.manual_seed(99)
    resumed = fresh("resumed")
    checkpoint = tmp_path / "whole" / f"checkpoint-{stop_at}"
    resumed.train(resume_from_checkpoint=str(checkpoint))
    for name, value in whole.model.state_dict().items():
        assert torch.equal(resumed.model.state_dict()[name], value), name
    losses = [[log for log in r.state.log_history if "eval_loss" in log] for r in (whole, resumed)]
    assert [log["eval_loss"] for log in losses[0]] == [log["eval_loss"] for log in losses[1]]
    assert json.loads((checkpoint / "weight_average.json").read_text())["losses"]
    if kind == "nt_asgd":
        assert any("averaging_since_step" in log for log in whole.state.log_history)


def test_a_checkpoint_of_averages_is_not_resumed_as_if_it_were_none(tmp_path: Path) -> None:
    settings = {"save_strategy": "steps", "save_steps": 5}
    trainer(tmp_path / "a", weight_averaging="ema", **settings).train()
    with pytest.raises(LmcourseError, match="resume with the same weight_averaging"):
        trainer(tmp_path / "b").train(resume_from_checkpoint=str(tmp_path / "a" / "checkpoint-5"))
