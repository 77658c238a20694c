"""Input masking: the share that is asked for, labels unchanged, in training alone."""

from pathlib import Path
from typing import Any

import pytest
import torch

from hf_lmcourse import LmcourseError
from hf_lmcourse.training.arguments import RunArguments
from hf_lmcourse.training.input_masking import InputMasking, mask_inputs

from .test_trainer import VOCABULARY, tiny_model, trainer

UNKNOWN = 3


class Tokenizer:
    """All that the Trainer asks of one here."""

    unk_token_id = UNKNOWN


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_that_share_of_the_tokens_becomes_unknown_and_the_rest_stays(share: float) -> None:
    torch.manual_seed(0)
    ids = torch.randint(4, 1000, (50, 400))
    masked = mask_inputs(ids, share, 1000, UNKNOWN)
    changed = masked != ids
    assert changed.double().mean().item() == pytest.approx(share, abs=0.02)
    assert (masked[changed] == UNKNOWN).all()


def test_random_words_are_drawn_evenly() -> None:
    torch.manual_seed(0)
    ids = torch.full((100, 1000), 2)
    masked = mask_inputs(ids, 0.4, 10)
    counts = torch.bincount(masked[masked != 2], minlength=10).double() / ids.numel()
    expected = [0.04 if word != 2 else 0 for word in range(10)]
    assert counts.tolist() == pytest.approx(expected, abs=0.003)


def test_a_batch_keeps_its_labels() -> None:
    torch.manual_seed(0)
    args = RunArguments(input_masking=0.5, use_cpu=True)
    batch = {"input_ids": torch.arange(40)[None], "labels": torch.arange(40)[None]}
    masked = InputMasking(args, Tokenizer(), 40)(batch)
    assert torch.equal(masked["labels"], batch["labels"])
    assert not torch.equal(masked["input_ids"], batch["input_ids"])
    assert torch.equal(batch["input_ids"], torch.arange(40)[None]), "the batch itself stays"


@pytest.mark.parametrize("kind", ["unk", "random"])
def test_two_training_passes_differ_and_two_evaluations_do_not(tmp_path: Path, kind: str) -> None:
    run = trainer(tmp_path, input_masking_with=kind)
    run.args.input_masking = 0.5
    run._mask = InputMasking(run.args, Tokenizer(), VOCABULARY)
    ids = torch.randint(4, VOCABULARY, (4, 30))
    batch = {"input_ids": ids, "labels": ids}
    model = run.model.train()
    assert len({run.compute_loss(model, dict(batch)).item() for _ in range(5)}) > 1
    model.eval()
    assert len({run.compute_loss(model, dict(batch)).item() for _ in range(3)}) == 1
    assert run.evaluate()["eval_loss"] == run.evaluate()["eval_loss"]


def test_masking_needs_an_unknown_token_or_random_words(tmp_path: Path) -> None:
    with pytest.raises(LmcourseError, match="needs a tokenizer with an unknown token"):
        trainer(tmp_path, input_masking=0.1)
    trainer(tmp_path, input_masking=0.1, input_masking_with="random")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"input_masking": 1.0}, "input_masking must be at least 0 and below 1"),
        ({"input_masking": -0.1}, "input_masking must be at least 0"),
        ({"ema_decay": 1.0}, "ema_decay must be at least 0 and below 1"),
        ({"non_monotone_interval": 0}, "non_monotone_interval must be at least 1"),
    ],
)
def test_settings_out_of_range_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RunArguments(**changes)


def test_the_log_holds_the_cross_entropy_whatever_else_is_trained_on(tmp_path: Path) -> None:
    """With a rate of zero the weights stay, and so must what is logged."""
    logged = []
    for name, changes in {
        "plain": {},
        "penalty": {"activation_regularization": 50.0, "temporal_activation_regularization": 9.0},
        "adversarial": {"adversarial_epsilon": 2.0},
        "both": {"activation_regularization": 5.0, "adversarial_epsilon": 2.0},
    }.items():
        settings = {"learning_rate": 0.0, "logging_steps": 1, "num_train_epochs": 1}
        settings |= {"gradient_accumulation_steps": 2}
        run = trainer(tmp_path / name, tiny_model(**changes), **settings)
        run.train()
        logged.append([log["loss"] for log in run.state.log_history if "loss" in log])
    for losses in logged[1:]:
        assert losses == pytest.approx(logged[0], rel=1e-5)


def test_a_penalty_changes_what_is_learnt(tmp_path: Path) -> None:
    plain = trainer(tmp_path / "a")
    penalised = trainer(tmp_path / "b", tiny_model(activation_regularization=5.0))
    plain.train()
    penalised.train()
    ids = torch.arange(VOCABULARY)[None]
    with torch.no_grad():
        sizes = [r.model.model(ids)[0].square().mean().item() for r in (plain, penalised)]
    assert sizes[1] < 0.5 * sizes[0]
