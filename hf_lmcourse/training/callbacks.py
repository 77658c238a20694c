"""What happens beside the training: progress, samples, wall time, a clean stop."""

import signal
import sys
import time
from pathlib import Path
from typing import Any

import torch
from tqdm.auto import tqdm
from transformers import (
    PreTrainedModel,
    PreTrainedTokenizerBase,
    ProgressCallback,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)
from transformers.trainer_callback import ExportableState

from ..data.streams import prompt_token_ids, stop_token_id
from .arguments import RunArguments

__all__ = ["LineProgress", "SampleText", "StopOnSignal", "WallTime", "sample_text"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class LineProgress(ProgressCallback):
    """Each log as one line that a person can read and, on a terminal, one progress bar.

    The lines go to standard output and the bar to standard error, so that a log holds lines only.
    """

    training_bar: Any

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Draw the bar where there is a terminal, from the step of a checkpoint on."""
        if state.is_world_process_zero:
            self.training_bar = tqdm(
                total=state.max_steps, initial=state.global_step, dynamic_ncols=True, disable=None
            )
        self.current_step = state.global_step

    def on_prediction_step(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        eval_dataloader: Any = None,
        **kwargs: Any,
    ) -> None:
        """Say why the bar stands still: a second bar would leave blank lines behind."""
        self._tell("validating: ")

    def on_evaluate(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """The bar moves on."""
        self._tell("")

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        """Write training and validation figures above the bar."""
        if not state.is_world_process_zero or self.training_bar is None or not logs:
            return
        where = f"epoch {state.epoch or 0:6.2f}  step {state.global_step:6d}"
        if "eval_loss" in logs:
            self._write(f"{where}  validation  {_validation_figures(logs)}")
        elif "loss" in logs:
            figures = f"{logs['loss']:.4f} nats"
            if "perplexity" in logs:
                figures += f", perplexity {_short(logs['perplexity'])}"
            rate = f"learning rate {logs['learning_rate']:.2e}"
            self._write(f"{where}  training    {figures}, {rate}")

    def _write(self, line: str) -> None:
        tqdm.write(line)
        sys.stdout.flush()  # whoever follows a log file wants the line now

    def _tell(self, what: str) -> None:
        bar = self.training_bar
        if bar is not None and not bar.disable and bar.desc != what:
            bar.set_description_str(what)


def _validation_figures(logs: dict[str, float]) -> str:
    figures = [f"{logs['eval_loss']:.4f} nats"]
    if "eval_bits_per_character" in logs:
        figures.append(f"{logs['eval_bits_per_character']:.4f} bits per character")
    if "eval_perplexity" in logs:
        figures.append(f"perplexity {_short(logs['eval_perplexity'])}")
    if "eval_accuracy" in logs:
        figures.append(f"accuracy {logs['eval_accuracy']:.1%}")
    return ", ".join(figures)


def _short(perplexity: float) -> str:
    return f"{perplexity:.2f}" if perplexity < 1e6 else f"{perplexity:.1e}"


def sample_text(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompt: str,
    length: int,
    seed: int = 0,
) -> str:
    """One sample at temperature 1 that continues a prompt, without disturbing other randomness.

    Args:
        model: any causal language model.
        tokenizer: its tokenizer.
        prompt: what to continue.
        length: how many tokens to add.
        seed: of the sampling.

    Returns:
        The prompt and its continuation.
    """
    was_training = model.training
    model.eval()
    inputs = prompt_token_ids(tokenizer, prompt).to(model.device)
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(seed)
        # A model that diverged gives garbage here; to stop the training is not a sample's business.
        generate: Any = model.generate
        tokens = generate(
            inputs,
            max_new_tokens=length,
            do_sample=True,
            top_k=0,
            eos_token_id=stop_token_id(tokenizer),
            remove_invalid_values=True,
        )
    model.train(was_training)
    return str(tokenizer.decode(tokens[0]))


class SampleText(TrainerCallback):
    """Append a sample to `samples.txt` in the run folder at each evaluation."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
        self.tokenizer = tokenizer
        self.folder = folder

    def on_evaluate(  # type: ignore[override]  # our own arguments; keywords are Trainer's way
        self,
        args: RunArguments,
        state: TrainerState,
        control: TrainerControl,
        model: Any = None,
        **kwargs: Any,
    ) -> None:
        """Sample, on the main process alone."""
        if not state.is_world_process_zero or args.sample_length <= 0:
            return
        model = getattr(model, "module", model)
        text = sample_text(model, self.tokenizer, args.sample_prompt, args.sample_length, args.seed)
        with (self.folder / "samples.txt").open("a", encoding="utf-8") as file:
            file.write(f"--- step {state.global_step}, epoch {state.epoch or 0:.2f}\n{text}\n")


class WallTime(TrainerCallback, ExportableState):
    """Seconds of training, added up over the pieces of an interrupted run."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self._began = time.perf_counter()
        self._ended: float | None = None

    @property
    def total(self) -> float:
        """Seconds up to now, or up to the end of the training."""
        return self.seconds + (self._ended or time.perf_counter()) - self._began

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Start the clock."""
        self._began = time.perf_counter()

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Stop the clock."""
        self._ended = time.perf_counter()

    def state(self) -> dict[str, dict[str, Any]]:
        """What a checkpoint keeps."""
        return {"args": {"seconds": self.total}, "attributes": {}}


class StopOnSignal(TrainerCallback):
    """Finish the step, save a checkpoint and stop at the first SIGINT or SIGTERM."""

    def __init__(self) -> None:
        self.received: int | None = None
        self._before: dict[int, Any] = {}

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Listen; a second signal interrupts at once."""
        self._before = {number: signal.signal(number, self._receive) for number in _SIGNALS}

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Ask Trainer to save and stop: all processes after the same step, whichever were told."""
        if args.world_size > 1:
            told = torch.tensor(self.received or 0, device=args.device)
            torch.distributed.all_reduce(told, torch.distributed.ReduceOp.MAX)
            self.received = int(told) or None
        if self.received is not None:
            control.should_save = control.should_training_stop = True

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Do not evaluate in the middle of an epoch: whoever sent the signal is waiting."""
        if self.received is not None and (state.epoch or 0) % 1 != 0:
            control.should_evaluate = control.should_save = False

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Stop listening."""
        self.release()

    def release(self) -> None:
        """Let the signals do what they did before; also after a training that failed."""
        while self._before:
            signal.signal(*self._before.popitem())

    def _receive(self, number: int, frame: object) -> None:
        self.received = number
        for known in _SIGNALS:
            signal.signal(known, signal.default_int_handler)
