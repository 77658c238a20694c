"""The three ways to train a bigram network agree, by function and through Trainer."""

import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hf_lmcourse import (
    BigramMLPConfig,
    BigramMLPForCausalLM,
    LmcourseError,
    NGramFNNConfig,
    NGramFNNForCausalLM,
)
from hf_lmcourse.data.bigrams import BigramCountsOfText, Bigrams
from hf_lmcourse.data.streams import ContiguousStreams
from hf_lmcourse.training.arguments import RunArguments
from hf_lmcourse.training.bigram_trainers import (
    BigramTrainer,
    CountLBFGS,
    CountTrainer,
    HandTrainer,
    bigram_training,
    exact_gradient,
)
from hf_lmcourse.training.trainer import StreamTrainer

VOCABULARY = 6
TEXT = (np.random.default_rng(0).zipf(1.6, size=400) % VOCABULARY).astype(np.uint16)
BIGRAMS = Bigrams(TEXT, first_context=0)
WHOLE_TEXT = BigramCountsOfText(BIGRAMS)


def tiny_model(**changes: Any) -> BigramMLPForCausalLM:
    torch.manual_seed(0)
    return BigramMLPForCausalLM(BigramMLPConfig(vocab_size=VOCABULARY, hidden_size=8, **changes))


def least_loss() -> float:
    """The loss of relative frequencies, which no bigram model can go below."""
    pairs = Counter(zip(BIGRAMS.contexts.tolist(), BIGRAMS.targets.tolist(), strict=True))
    contexts = Counter(BIGRAMS.contexts.tolist())
    nats = -sum(count * math.log(count / contexts[u]) for (u, _), count in pairs.items())
    return nats / len(BIGRAMS)


def trainer(
    kind: type[StreamTrainer], folder: Path, model: Any = None, **changes: Any
) -> StreamTrainer:
    settings: dict[str, Any] = {
        "output_dir": str(folder),
        "per_device_train_batch_size": 50,
        "per_device_eval_batch_size": 2,
        "max_steps": 5,
        "learning_rate": 1.0,
        "lr_scheduler_type": "constant",
        "max_grad_norm": 0.0,
        "logging_steps": 1,
        "eval_strategy": "no",
        "save_strategy": "no",
        "save_total_limit": None,
        "load_best_model_at_end": False,
        "disable_tqdm": True,
        "use_cpu": True,
    }
    return kind(
        model=model or tiny_model(),
        args=RunArguments(**settings | changes),
        train_dataset=WHOLE_TEXT if kind is CountTrainer else BIGRAMS,
        eval_dataset=ContiguousStreams(TEXT, 2, 10, first_context=0),
    )


KEPT = torch.tensor([1, 4])


def with_vectors(**changes: Any) -> BigramMLPForCausalLM:
    """A network whose words 1 and 4 keep the vectors that were read from a file."""
    model = tiny_model(freeze_vectors=True, **changes)
    model.model.set_vectors(KEPT, torch.ones(2, 8))
    return model


@pytest.mark.parametrize("kept", [False, True])
def test_the_exact_gradient_is_that_of_autograd_on_every_token(kept: bool) -> None:
    model = (with_vectors() if kept else tiny_model()).double().train()
    loss = exact_gradient(model, WHOLE_TEXT.counts)
    by_hand = {name: p.grad for name, p in model.named_parameters()}
    model.zero_grad()
    expected = model(BIGRAMS.contexts[None], shift_labels=BIGRAMS.targets[None]).loss
    expected.backward()
    torch.testing.assert_close(loss, expected.detach(), rtol=1e-9, atol=1e-9)
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(by_hand[name], parameter.grad, rtol=1e-9, atol=1e-9)
    of_words = by_hand["model.embed_tokens.weight"].abs().sum(1)
    assert bool((of_words[KEPT] == 0).all()) == kept and of_words[0] > 0


WAYS: list[tuple[type[StreamTrainer], dict[str, Any]]] = [
    (BigramTrainer, {}),
    (HandTrainer, {}),
    (CountTrainer, {}),
    (CountTrainer, {"lbfgs_iterations": 3, "weight_decay": 0.0}),
]


@pytest.mark.parametrize(("kind", "changes"), WAYS)
def test_vectors_that_are_kept_stay_to_the_bit_and_the_others_are_trained(
    kind: type[StreamTrainer], changes: dict[str, Any], tmp_path: Path
) -> None:
    model = with_vectors()
    before = model.model.embed_tokens.weight.detach().clone()
    settings: dict[str, Any] = {"learning_rate": 0.1, "weight_decay": 0.5, **changes}
    trainer(kind, tmp_path, model, **settings).train()
    after = model.model.embed_tokens.weight.detach()
    others = torch.tensor([0, 2, 3, 5])
    assert torch.equal(after[KEPT], before[KEPT])
    assert (after[others] != before[others]).any(1).all()


@pytest.mark.parametrize("kind", [HandTrainer, CountTrainer])
def test_gradients_by_hand_know_no_smoothed_labels(tmp_path: Path, kind: type[Any]) -> None:
    with pytest.raises(LmcourseError, match="set label_smoothing_factor to 0"):
        trainer(kind, tmp_path, label_smoothing_factor=0.1)


def test_a_network_trained_by_hand_is_the_one_that_autograd_trains(tmp_path: Path) -> None:
    trained = []
    for kind in (BigramTrainer, HandTrainer):
        run = trainer(kind, tmp_path, optim="sgd", max_steps=20)
        run.train()
        trained.append(run)
    by_autograd, by_hand = (dict(run.model.named_parameters()) for run in trained)
    for name, parameter in by_autograd.items():
        torch.testing.assert_close(by_hand[name], parameter)
    losses = [[e["loss"] for e in run.state.log_history if "loss" in e] for run in trained]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_gradients_by_hand_do_not_add_up_over_pieces_of_a_batch(tmp_path: Path) -> None:
    with pytest.raises(LmcourseError, match="bigrams_by_hand is for one process and"):
        trainer(HandTrainer, tmp_path, gradient_accumulation_steps=2)


def losses_of(model: Any, optimizer: torch.optim.Optimizer, steps: int) -> list[float]:
    """The exact loss before each step, and after the last."""
    losses = []
    for _ in range(steps):
        losses.append(exact_gradient(model, WHOLE_TEXT.counts).item())
        optimizer.step()
    return [*losses, exact_gradient(model, WHOLE_TEXT.counts).item()]


def test_lbfgs_and_adam_reach_the_least_loss_a_bigram_model_can_have() -> None:
    first, second = tiny_model(), tiny_model()
    losses = losses_of(first, CountLBFGS(first, WHOLE_TEXT.counts), 10)
    assert least_loss() - 1e-6 < losses[-1] < least_loss() + 1e-3
    adam = torch.optim.Adam(second.parameters(), lr=0.1)
    assert losses_of(second, adam, 300)[-1] == pytest.approx(losses[-1], abs=1e-2)


def test_stochastic_gradient_descent_comes_near_the_same_loss(tmp_path: Path) -> None:
    run = trainer(
        BigramTrainer,
        tmp_path,
        optim="sgd",
        max_steps=400,
        learning_rate=2.0,
        lr_scheduler_type="linear",
        logging_steps=400,
    )
    run.train()
    loss = run.evaluate()["eval_loss"]
    assert least_loss() < loss < least_loss() + 0.05


def test_bigrams_are_drawn_with_replacement(tmp_path: Path) -> None:
    run = trainer(BigramTrainer, tmp_path, per_device_train_batch_size=len(BIGRAMS))
    indices = list(run._get_train_sampler() or [])
    assert len(indices) == len(BIGRAMS) > len(set(indices))


def test_trainer_takes_one_step_of_the_optimizer_on_the_exact_gradient(tmp_path: Path) -> None:
    run = trainer(CountTrainer, tmp_path, optim="sgd", max_steps=3)
    run.train()
    model = tiny_model()
    losses = losses_of(model, torch.optim.SGD(model.parameters(), lr=1.0), 3)
    logged = [entry["loss"] for entry in run.state.log_history if "loss" in entry]
    assert logged == pytest.approx(losses[:3], rel=1e-5)
    for ours, expected in zip(run.model.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(ours, expected)
    assert run.evaluate()["eval_nats_per_token"] == pytest.approx(losses[3], rel=1e-5)


def test_a_resumed_run_of_lbfgs_equals_an_uninterrupted_one(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"lbfgs_iterations": 3, "save_strategy": "steps", "save_steps": 2}
    whole = trainer(CountTrainer, tmp_path / "whole", **settings)
    whole.train()
    interrupted = trainer(CountTrainer, tmp_path / "cut", **settings)
    interrupted.train()
    resumed = trainer(CountTrainer, tmp_path / "cut", **settings)
    resumed.train(resume_from_checkpoint=str(tmp_path / "cut" / "checkpoint-2"))
    for ours, expected in zip(resumed.model.parameters(), whole.model.parameters(), strict=True):
        assert torch.equal(ours, expected)


def test_the_way_to_train_follows_from_its_name() -> None:
    assert bigram_training("bigrams", tiny_model(), BIGRAMS) == (BigramTrainer, BIGRAMS)
    assert bigram_training("bigrams_by_hand", tiny_model(), BIGRAMS) == (HandTrainer, BIGRAMS)
    kind, dataset = bigram_training("bigram_counts", tiny_model(), BIGRAMS)
    assert kind is CountTrainer and isinstance(dataset, BigramCountsOfText)


BEYOND_THE_EQUATION: list[dict[str, Any]] = [
    {"output_layer": "tied"},
    {"output_dropout": 0.1},
    {"embedding_dropout": 0.1},
    {"num_sampled": 3},
]


@pytest.mark.parametrize("changes", BEYOND_THE_EQUATION)
def test_settings_beyond_the_equation_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(LmcourseError, match='need output_layer "full" and no mixture'):
        bigram_training("bigram_counts", tiny_model(**changes), BIGRAMS)
    assert bigram_training("bigrams", tiny_model(**changes), BIGRAMS)[0] is BigramTrainer


def test_a_model_that_reads_further_back_is_refused() -> None:
    model = NGramFNNForCausalLM(NGramFNNConfig(vocab_size=VOCABULARY, hidden_size=8))
    for batches in ("bigrams", "bigram_counts"):
        with pytest.raises(LmcourseError, match="NGramFNNForCausalLM reads more than one word"):
            bigram_training(batches, model, BIGRAMS)


def test_a_loss_that_is_no_number_stops_the_training(tmp_path: Path) -> None:
    model = tiny_model()
    with torch.no_grad():
        model.lm_head.bias[0] = math.nan
    with pytest.raises(LmcourseError, match="the loss became nan at step 1"):
        trainer(CountTrainer, tmp_path, model).train()
