"""Learning rates that follow the length of a block of truncated backpropagation."""

from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

__all__ = ["LengthScaledRate"]


class LengthScaledRate(TrainerCallback):
    """Multiply the learning rate of each step by its block's length over the base length.

        rate of the step = rate * l / L

    The gradient is a mean over the tokens of a block, so that without this a token in a short block
    would count for more. Where several batches make a step, l is their mean length.

    Reference:
        Merity, Keskar and Socher 2018, Regularizing and Optimizing LSTM Language Models, 5.1.
    """

    def __init__(self) -> None:
        self._lengths: list[float] = []
        self._rates: list[float] = []

    def note(self, length: float) -> None:
        """Tell the length of a batch as a share of the base length."""
        self._lengths.append(length)

    def on_pre_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Scale."""
        if not self._lengths:
            return
        groups = kwargs["optimizer"].param_groups
        self._rates = [group["lr"] for group in groups]
        factor = sum(self._lengths) / len(self._lengths)
        for group in groups:
            group["lr"] = group["lr"] * factor

    def on_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Put the schedule's own rates back."""
        for group, rate in zip(kwargs["optimizer"].param_groups, self._rates, strict=False):
            group["lr"] = rate
        self._lengths, self._rates = [], []
