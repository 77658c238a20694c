"""`label_smoothing_factor` of Trainer on models that keep no logits."""

from pathlib import Path

import pytest
import torch
from transformers.trainer_pt_utils import LabelSmoother

from hf_lmcourse import LmcourseError

from .test_trainer import STREAMS, VOCABULARY, streams, tiny_model, trainer


def test_the_loss_is_that_of_transformers_label_smoother(tmp_path: Path) -> None:
    run = trainer(tmp_path, tiny_model().double(), label_smoothing_factor=0.3)
    ids = torch.randint(VOCABULARY, (STREAMS, 6), generator=torch.Generator().manual_seed(0))
    logits = run.model.eval()(input_ids=ids).logits
    expected = LabelSmoother(epsilon=0.3)({"logits": logits}, ids, shift_labels=True)
    for skip_logits in (True, False):
        loss = run.model.train()(
            input_ids=ids, labels=ids, label_smoothing=0.3, skip_logits=skip_logits
        ).loss
        torch.testing.assert_close(loss, expected, rtol=1e-7, atol=0)  # it sums in float32


def test_smoothing_is_part_of_training_and_neither_of_the_log_nor_of_evaluation(
    tmp_path: Path,
) -> None:
    """With a rate of zero the weights stay, and so must what is logged."""
    settings = {"learning_rate": 0.0, "logging_steps": 1, "num_train_epochs": 1}
    plain = trainer(tmp_path / "a", **settings)
    smooth = trainer(tmp_path / "b", label_smoothing_factor=0.3, **settings)
    logged = []
    for run in (plain, smooth):
        run.train()
        logged.append([log["loss"] for log in run.state.log_history if "loss" in log])
    assert logged[1] == pytest.approx(logged[0], rel=1e-5)
    assert smooth.evaluate()["eval_loss"] == pytest.approx(plain.evaluate()["eval_loss"])


def test_a_token_that_never_occurs_keeps_some_probability(tmp_path: Path) -> None:
    shares = []
    for factor in (0.0, 0.2):
        train = streams()
        train.tokens = train.tokens.clip(max=VOCABULARY - 2)
        run = trainer(
            tmp_path / str(factor),
            train_dataset=train,
            label_smoothing_factor=factor,
            num_train_epochs=20,
        )
        run.train()
        with torch.no_grad():
            logits = run.model.eval()(input_ids=torch.arange(VOCABULARY - 1)[None]).logits
        shares.append(logits.softmax(-1)[..., -1].min().item())
    assert shares[0] < shares[1]
    assert shares[1] > 0.25 * 0.2 / VOCABULARY


@pytest.mark.parametrize(
    "changes", [{"num_softmaxes": 2}, {"output_layer": "adaptive", "adaptive_cutoffs": [5]}]
)
def test_an_output_layer_it_does_not_fit_is_refused(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    with pytest.raises(LmcourseError, match="label_smoothing_factor needs"):
        trainer(tmp_path, tiny_model(**changes), label_smoothing_factor=0.1)
