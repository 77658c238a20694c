"""Averages of the weights during training, evaluated and saved in place of the weights."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import Trainer, TrainerCallback
from transformers.trainer_utils import TrainOutput

from ..errors import LmcourseError
from ..models.weight_files import save_tensors
from ..report.json_files import write_json
from .arguments import RunArguments
from .checkpoint_record import reading

_RAW = "raw_weights.safetensors"
_STATE = "weight_average.json"


class WeightAverage:
    """A running average of the weights w_k after step k.

    "ema", an exponential moving average from the first step on. The decay grows to its final
    value, so that the weights of the first steps are soon forgotten:

        a_k = d_k a_{k-1} + (1 - d_k) w_k,    d_k = min(decay, (1 + k) / (10 + k)),    a_1 = w_1

    "nt_asgd", averaged SGD with a non-monotone trigger: once the validation loss is above the least
    of those more than n evaluations before it, T is the step reached, and from then on

        a_k = 1 / (k - T) sum over i = T + 1 .. k of w_i

    Before T there is no average and the weights themselves are used. The paper uses the name for
    SGD with a constant learning rate; nothing here depends on the optimizer.

    Args:
        kind: "ema" or "nt_asgd".
        decay: Final decay of "ema".
        interval: n of "nt_asgd".

    Reference:
        Polyak and Juditsky 1992 (averaging); Merity, Keskar and Socher 2018, algorithm 1 (trigger);
        Szegedy et al. 2016 (exponential averages of weights for evaluation).
    """

    def __init__(self, kind: str, decay: float = 0.999, interval: int = 5) -> None:
        self.kind, self.decay, self.interval = kind, decay, interval
        self.reset()

    def reset(self) -> None:
        """Restart without an average."""
        self.averages: list[Tensor] | None = None
        self.updates = 0
        self.losses: list[float] = []
        self.started = self.kind == "ema"

    @torch.no_grad()
    def update(self, weights: Sequence[Tensor]) -> None:
        """Update the average with the weights after a step."""
        if not self.started:
            return
        self.updates += 1
        share = 1 / self.updates
        if self.kind == "ema":
            share = 1 - min(self.decay, (1 + self.updates) / (10 + self.updates))
        if self.averages is None:
            self.averages = [w.detach().clone() for w in weights]
        else:
            torch._foreach_lerp_(self.averages, [w.detach() for w in weights], share)

    def record_loss(self, loss: float) -> bool:
        """Record a validation loss; return whether it triggers the averaging."""
        before = self.losses[: max(0, len(self.losses) - self.interval)]
        self.losses.append(loss)
        triggered = not self.started and bool(before) and loss > min(before)
        self.started = self.started or triggered
        return triggered

    @contextmanager
    def in_place_of(self, weights: Sequence[Tensor]) -> Iterator[None]:
        """Swap the averages in for the weights, if there are averages."""
        if self.averages is None:
            yield
            return
        raw = [w.detach().clone() for w in weights]
        _copy(self.averages, weights)
        try:
            yield
        finally:
            _copy(raw, weights)

    def replace(self, weights: Sequence[Tensor]) -> None:
        """Replace the weights by the averages for good."""
        if self.averages is not None:
            _copy(self.averages, weights)
        self.averages = None

    def save(self, folder: Path, model: nn.Module) -> None:
        """Write the raw weights and the state; `model.safetensors` holds the average."""
        folder.mkdir(parents=True, exist_ok=True)
        if self.averages is not None:
            raw = {name: p.detach().contiguous() for name, p in model.named_parameters()}
            save_tensors(raw, folder / _RAW)
        state = {"updates": self.updates, "losses": self.losses, "started": self.started}
        write_json(folder / _STATE, state)

    def load(self, folder: Path, model: nn.Module) -> None:
        """Restore from a checkpoint, whose `model.safetensors` (the average) is loaded already."""
        if not (folder / _STATE).exists():
            return
        with reading(folder, _STATE):
            state = json.loads((folder / _STATE).read_text(encoding="utf-8"))
            self.updates, self.losses = int(state["updates"]), list(state["losses"])
            self.started = bool(state["started"])
        if not (folder / _RAW).exists():
            return
        self.averages = [p.detach().clone() for p in model.parameters()]
        with reading(folder, _RAW), torch.no_grad():
            raw = load_file(folder / _RAW)
            for name, parameter in model.named_parameters():
                parameter.copy_(raw[name])


@torch.no_grad()
def _copy(values: Sequence[Tensor], weights: Sequence[Tensor]) -> None:
    torch._foreach_copy_(list(weights), list(values))


class _KeepAverage(TrainerCallback):
    """Update the average after every optimizer step, and end the training with it."""

    def __init__(self, trainer: "WeightAveragingTrainer") -> None:
        self.trainer = trainer

    def on_optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        """Update the average."""
        self.trainer.average.update(self.trainer.raw_weights)

    def on_train_end(self, *args: Any, **kwargs: Any) -> None:
        """Replace the weights by the average, unless the best checkpoint is loaded."""
        self.trainer.average.replace(self.trainer.raw_weights)


class WeightAveragingTrainer(Trainer):
    """transformers' Trainer with `weight_averaging`; see `WeightAverage`.

    Evaluation, samples and saved weights use the averages, if there are any. They are in a
    checkpoint's `model.safetensors`; training resumes from its `raw_weights.safetensors`.
    """

    args: RunArguments
    model: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kind = getattr(self.args, "weight_averaging", "no")
        self.average = WeightAverage(kind)
        if kind != "no":
            self.average.decay = self.args.ema_decay
            self.average.interval = self.args.non_monotone_interval
            self.add_callback(_KeepAverage(self))

    @property
    def raw_weights(self) -> list[nn.Parameter]:
        """The weights that the optimizer updates."""
        return list(self.model.parameters())

    def train(self, *args: Any, **kwargs: Any) -> TrainOutput:
        """Train; a further call starts a new average."""
        self.average.reset()
        return super().train(*args, **kwargs)

    def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        """Evaluate the averages."""
        with self.average.in_place_of(self.raw_weights):
            return super().evaluate(*args, **kwargs)

    def _evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        metrics = super()._evaluate(*args, **kwargs)
        if self.average.kind != "no" and self.average.record_loss(metrics["eval_loss"]):
            self.log({"averaging_since_step": float(self.state.global_step)})
        return metrics

    def save_model(self, *args: Any, **kwargs: Any) -> None:
        """Save the averages."""
        with self.average.in_place_of(self.raw_weights):
            super().save_model(*args, **kwargs)

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        """Write the raw weights first: `trainer_state.json` completes a checkpoint."""
        if self.average.kind != "no" and self.args.should_save:
            folder = Path(self._get_output_dir(trial=trial))
            self.average.save(folder / f"checkpoint-{self.state.global_step}", self.model)
        super()._save_checkpoint(model, trial)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        super()._load_optimizer_and_scheduler(checkpoint)
        if checkpoint is None:
            return
        if self.average.kind != "no":
            self.average.load(Path(checkpoint), self.model)
        elif Path(checkpoint, _RAW).exists():
            raise LmcourseError(
                f"{checkpoint} holds averaged weights: resume with the same weight_averaging"
            )

    def _load_best_model(self) -> None:
        super()._load_best_model()
        self.average.averages = None  # the best checkpoint holds averages already
