"""A Trainer that stops when the loss is no longer a number."""

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from transformers import Trainer
from transformers.trainer_utils import EvalLoopOutput

from ..errors import LmcourseError


class FiniteLossTrainer(Trainer):
    """transformers' Trainer that stops at a loss that is NaN or infinite.

    Trainer itself goes on, and logs the mean of the losses before in its place. Weights that are
    not finite are neither evaluated nor saved, so that the last checkpoint is a good one.

    Raises:
        LmcourseError: The loss, or a weight, became NaN or infinite.
    """

    def training_step(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        num_items_in_batch: Tensor | int | None = None,
    ) -> Tensor:
        """Make a training step, and check its loss."""
        loss = super().training_step(model, inputs, num_items_in_batch)
        self.check_training_loss(loss)
        return loss

    def check_training_loss(self, loss: Tensor) -> None:
        """Check the loss of the step that is being made.

        Raises:
            LmcourseError: It is NaN or infinite.
        """
        if not torch.isfinite(loss):
            raise self._diverged(loss.item(), self.state.global_step + 1)

    def check_evaluation_loss(self, loss: float) -> None:
        """Check the loss of an evaluation.

        Raises:
            LmcourseError: It is NaN or infinite.
        """
        if not math.isfinite(loss):
            raise self._diverged(loss, self.state.global_step)

    def evaluation_loop(
        self,
        dataloader: DataLoader,
        description: str,
        prediction_loss_only: bool | None = None,
        ignore_keys: list[str] | None = None,
        metric_key_prefix: str = "eval",
    ) -> EvalLoopOutput:
        """Evaluate as Trainer does, and check the loss."""
        output = super().evaluation_loop(
            dataloader, description, prediction_loss_only, ignore_keys, metric_key_prefix
        )
        self.check_evaluation_loss((output.metrics or {}).get(f"{metric_key_prefix}_loss", 0.0))
        return output

    def _maybe_log_save_evaluate(self, *args: Any, **kwargs: Any) -> None:
        due = self.control.should_evaluate or self.control.should_save
        if due and not self._weights_are_finite():
            raise self._diverged(math.nan, self.state.global_step)
        super()._maybe_log_save_evaluate(*args, **kwargs)

    def _weights_are_finite(self) -> bool:
        assert self.model is not None
        return all(bool(torch.isfinite(p).all()) for p in self.model.parameters())

    def _diverged(self, loss: float, step: int) -> LmcourseError:
        what = f"the loss became {loss} at step {step} (epoch {self.state.epoch or 0:.2f})"
        if not self.state.global_step and not self._weights_are_finite():
            return LmcourseError(
                f"{what}: some weights were not numbers before the training began; check the file "
                "of word vectors"
            )
        remedy = "or max_grad_norm" if self.args.max_grad_norm else "or set max_grad_norm"
        best = self.state.best_model_checkpoint
        saved = Path(best).name if best else "what was saved before"
        return LmcourseError(f"{what}: lower learning_rate {remedy}; {saved} is kept")
