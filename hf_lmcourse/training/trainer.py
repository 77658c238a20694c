"""Trainer that carries the recurrent state along contiguous streams, or reads windows."""

import math
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset, Sampler, SequentialSampler
from transformers.trainer_utils import EvalLoopOutput

from ..data.predicted_tokens import PredictedTokens
from ..data.random_blocks import RandomBlockStreams
from ..data.streams import ContiguousStreams
from ..errors import LmcourseError
from ..evaluation.corpus_scores import StreamTotals, corpus_metrics, score_streams
from ..evaluation.token_scores import scorer_of
from ..kernels.softmax_loss import IGNORED, losses_of_logits
from ..models.carried_states import detach_state, state_argument
from .arguments import RunArguments
from .carried_state import (
    LengthScaledRate,
    ResetAtEpoch,
    load_carried_state,
    save_carried_state,
)
from .input_masking import InputMasking
from .part_optimizers import part_optimizers
from .random_forgetting import check_forgetting, forget_state
from .schedules import step_decay
from .sparse_gradients import SparseGradientTrainer
from .weight_averaging import WeightAveragingTrainer


class StreamTrainer(WeightAveragingTrainer, SparseGradientTrainer):
    """transformers' Trainer with truncated backpropagation through time over parallel streams.

    With a `ContiguousStreams` as `train_dataset`, the detached final state of a batch is the
    initial state of the next. It is reset at the start of each epoch, is not used in evaluation,
    and is saved in checkpoints: a resumed run equals an uninterrupted one bit for bit on a CPU.
    Each of several processes has its own streams: the global batch equals that of one process with
    all streams. A `TokenWindows` is read in its own order without a state, by any causal language
    model; any other data set as transformers' Trainer reads it. With `RandomBlockStreams` the
    learning rate follows the length of each block (`LengthScaledRate`). The logged loss is the
    plain cross-entropy. Labels are smoothed by the model (`label_margin`), which keeps no logits.
    Pushes are those of transformers' Trainer, a pickle of the arguments included;
    `sharing_trainer.with_sharing` omits it.

    Evaluation on streams or windows scores every token once and reports `eval_perplexity`,
    `eval_nats_per_token`, `eval_accuracy` and so on, computed from sums; `eval_loss` is
    `eval_nats_per_token`.

    Args:
        *args: As for Trainer.
        eval_counts: `characters`, `num_bytes`, `words` and `unknown` tokens of the evaluation text,
            for bits per character and similar metrics.
        **kwargs: As for Trainer.

    Raises:
        LmcourseError: The loss became NaN or infinite (what was saved before is kept); the batch
            size over all processes is not the number of streams; a model without state is given
            streams; input masking needs an `<unk>` that the tokenizer lacks; labels are to be
            smoothed and the output layer is adaptive or a mixture; or a state is to be forgotten
            that is not a recurrent model's.

    Reference:
        Williams and Peng 1990 (truncated backpropagation through time).
    """

    args: RunArguments
    model: Any

    def __init__(
        self, *args: Any, eval_counts: dict[str, int] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.eval_counts = eval_counts or {}
        self.carried_state: Any = None
        self.resumed_state: Any = None
        self._rate = LengthScaledRate()
        self._cross_entropy: Tensor | None = None
        self._state_name: str | None = None
        self.add_callback(ResetAtEpoch(self))
        self.add_callback(self._rate)
        self._smoothing, self.label_smoother = self.args.label_smoothing_factor, None
        # a model of the package; any other gets its loss from the logits
        self._loss_without_logits = hasattr(self.model, "check_label_smoothing")
        if not self._loss_without_logits:
            self.model_accepts_loss_kwargs = True  # `_loss_of_logits` divides by what is given
        elif self._smoothing:
            self.model.check_label_smoothing(self._smoothing)
        self._mask = InputMasking(self.args, self.processing_class, self.model.config.vocab_size)
        self._forgetting = getattr(self.args, "forget_state", 0.0)
        check_forgetting(self._forgetting, self.model, self._streaming)
        datasets = (self.train_dataset, self.eval_dataset)
        if any(isinstance(dataset, PredictedTokens) for dataset in datasets):
            self.args.remove_unused_columns = False  # True would remove `shift_labels`
        if any(isinstance(dataset, ContiguousStreams) for dataset in datasets):
            self._state_name = state_argument(self.model)
            if self._state_name is None:
                raise LmcourseError(
                    f"{self.model.config.model_type} carries no state from block to block: give "
                    "TokenWindows, not ContiguousStreams"
                )

    def get_train_dataloader(self) -> DataLoader:
        """Check that a batch has a row for each stream, and create the data loader."""
        self._check_streams(self.train_dataset, self.args.train_batch_size, "train")
        return super().get_train_dataloader()

    def get_eval_dataloader(self, eval_dataset: Any = None) -> DataLoader:
        """Check that a batch has a row for each stream, and create the data loader."""
        dataset = self.eval_dataset if eval_dataset is None else eval_dataset
        self._check_streams(dataset, self.args.eval_batch_size, "eval")
        return super().get_eval_dataloader(eval_dataset)

    def _check_streams(self, dataset: Any, batch_size: int, kind: str) -> None:
        """Refuse another number of rows: each would continue with the state of another stream."""
        streams = getattr(dataset, "num_streams", None)
        if streams not in (None, batch_size * self.args.world_size):
            raise LmcourseError(
                f"{streams} streams need per_device_{kind}_batch_size "
                f"{streams / self.args.world_size:g} on {self.args.world_size} processes, "
                f"not {batch_size}"
            )

    def _get_train_sampler(self, train_dataset: Dataset | None = None) -> Sampler | None:
        dataset = self.train_dataset if train_dataset is None else train_dataset
        if isinstance(dataset, PredictedTokens):
            return SequentialSampler(dataset)
        return super()._get_train_sampler(train_dataset)

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Any:
        """Compute the model's loss; in training on streams, from the previous batch's state."""
        if model.training:
            inputs = self._mask(inputs)
            if self._loss_without_logits:
                more = {"label_smoothing": self._smoothing} if self._smoothing else {}
                inputs = {**inputs, "skip_logits": not return_outputs, **more}
        if model.training and isinstance(self.train_dataset, RandomBlockStreams):
            self._rate.record(inputs["input_ids"].shape[1] / self.train_dataset.block_length)
        streaming = model.training and self._streaming
        if streaming:
            self.carried_state = forget_state(self.carried_state, self._forgetting)
            inputs = {**inputs, str(self._state_name): self.carried_state, "use_cache": True}
        smoothing = self._smoothing if model.training else 0.0
        if self._loss_without_logits or not (smoothing or "shift_labels" in inputs):
            loss, outputs = super().compute_loss(model, inputs, True, num_items_in_batch)
            self._cross_entropy = outputs.get("cross_entropy")
        else:
            loss, outputs = self._loss_of_logits(model, inputs, num_items_in_batch, smoothing)
        if streaming:
            self.carried_state = detach_state(self._state_of(outputs))
        return (loss, outputs) if return_outputs else loss

    def _state_of(self, outputs: Any) -> Any:
        state = outputs.get(self._state_name)
        if state is None:
            raise LmcourseError(
                f"{self.model.config.model_type} returned no state to carry to the next block: "
                "set gradient_checkpointing to false"
            )
        return state

    def _loss_of_logits(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        num_items: Tensor | int | None,
        smoothing: float,
    ) -> tuple[Tensor, Any]:
        """The loss of a model of another package, which knows no `shift_labels`; and its outputs.

        The cross-entropy in it is kept for the log.
        """
        inputs = dict(inputs)
        labels, targets = inputs.pop("labels", None), inputs.pop("shift_labels", None)
        if targets is None:
            targets = functional.pad(labels[..., 1:], (0, 1), value=IGNORED)  # (batch, length)
        outputs = model(**inputs)
        total, plain = losses_of_logits(outputs.logits.flatten(0, 1), targets.flatten(), smoothing)
        count = (targets != IGNORED).sum() if num_items is None else num_items
        self._cross_entropy = plain / count
        return total / count * self._scale(num_items), outputs

    def _scale(self, num_items: Tensor | int | None) -> int:
        """Processes whose gradients are averaged although all their tokens are counted."""
        shared = self.args.average_tokens_across_devices and num_items is not None
        return self.accelerator.num_processes if shared else 1

    def training_step(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        num_items_in_batch: Tensor | int | None = None,
    ) -> Tensor:
        """Make a training step, and return the plain cross-entropy for the log."""
        with self._kept_for_backward():
            loss = super().training_step(model, inputs, num_items_in_batch)
        if self._cross_entropy is None:
            return loss
        return self._cross_entropy * self._scale(num_items_in_batch)

    def _kept_for_backward(self) -> AbstractContextManager[Any]:
        """Keep what the backward pass needs: a model of another package may overwrite its state."""
        if hasattr(self.model, "carries_state") or not self._streaming:
            return nullcontext()
        return torch.autograd.graph.allow_mutation_on_saved_tensors()

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """Create an optimizer of transformers, or those of `part_optimizers`."""
        if self.optimizer is None and getattr(self.args, "in_parts", False):
            network = self.model if model is None else model
            decayed = self.get_decay_parameter_names(network)
            self.optimizer = part_optimizers(network, decayed, self.args)
        return super().create_optimizer(model)

    def create_scheduler(
        self, num_training_steps: int, optimizer: torch.optim.Optimizer | None = None
    ) -> torch.optim.lr_scheduler.LRScheduler:
        """Create a schedule of transformers, or the schedule "step", see `step_decay`."""
        if not getattr(self.args, "step_decay", False) or self.lr_scheduler is not None:
            return super().create_scheduler(num_training_steps, optimizer)
        rate = step_decay(self.args, num_training_steps)
        chosen = optimizer or self.optimizer
        assert chosen is not None
        self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(chosen, rate)
        self._created_lr_scheduler = True
        return self.lr_scheduler

    def evaluation_loop(
        self,
        dataloader: DataLoader,
        description: str,
        prediction_loss_only: bool | None = None,
        ignore_keys: list[str] | None = None,
        metric_key_prefix: str = "eval",
    ) -> EvalLoopOutput:
        """Score every token of a text once; evaluate any other data as Trainer does."""
        dataset = getattr(dataloader, "dataset", None)
        if not isinstance(dataset, PredictedTokens):
            return super().evaluation_loop(
                dataloader, description, prediction_loss_only, ignore_keys, metric_key_prefix
            )
        model = self.accelerator.unwrap_model(self.model)
        model.eval()
        self.callback_handler.eval_dataloader = dataloader

        def after_batch() -> None:
            self.callback_handler.on_prediction_step(self.args, self.state, self.control)

        with self.compute_loss_context_manager():
            totals = score_streams(scorer_of(model), dataloader, after_batch)
        rows = self.accelerator.gather(totals.as_tensor(self.args.device))
        counts = self.eval_counts if dataset is self.eval_dataset else {}
        metrics = corpus_metrics(StreamTotals.from_rows(rows.cpu()), **counts)
        metrics["loss"] = metrics["nats_per_token"]
        self.check_evaluation_loss(metrics["loss"])
        prefixed = {f"{metric_key_prefix}_{name}": value for name, value in metrics.items()}
        return EvalLoopOutput(np.empty(0), None, prefixed, num_samples=len(dataset))

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add the perplexity to every training loss."""
        if "loss" in logs:
            logs["perplexity"] = math.exp(min(logs["loss"], 700.0))
        super().log(logs, start_time)

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        """Write the carried state first: `trainer_state.json` completes a checkpoint."""
        folder = Path(self._get_output_dir(trial=trial), f"checkpoint-{self.state.global_step}")
        if self.carried_state is not None:
            save_carried_state(self.carried_state, folder / self._state_file, self._cuts)
        super()._save_checkpoint(model, trial)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        super()._load_optimizer_and_scheduler(checkpoint)
        inside_epoch = (self.state.epoch or 0) % 1 != 0
        if checkpoint is None or not inside_epoch or not self._streaming:
            return
        self.resumed_state = load_carried_state(
            Path(checkpoint, self._state_file),
            self.accelerator.unwrap_model(self.model),
            str(self._state_name),
            self.args.device,
            self._cuts,
        )

    @property
    def _streaming(self) -> bool:
        """Whether the training carries a state."""
        return isinstance(self.train_dataset, ContiguousStreams)

    @property
    def _cuts(self) -> dict[str, int]:
        """How the text is cut into blocks, which determines what a step reads."""
        streams: Any = self.train_dataset
        return {
            "num_streams": streams.num_streams,
            "block_length": streams.block_length,
            "processes": self.args.world_size,
        }

    @property
    def _state_file(self) -> str:
        return f"stream_state_{self.args.process_index}.safetensors"
