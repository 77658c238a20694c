"""Callbacks of every run: progress, samples, wall time, a clean stop on a signal."""

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

from ..data.streams import prompt_token_ids, stop_token_id, unprinted_token_ids
from ..models.carried_states import evaluating, tokens_that_fit
from ..report.files import append_text
from ..report.numbers import readable

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class LineProgress(ProgressCallback):
    """Print each log as one readable line and, on a terminal, show one progress bar.

    The lines go to standard output and the bar to standard error, so that a log file has no bar.
    """

    training_bar: Any

    def on_train_begin(self, args: Any, state: TrainerState, *_: Any, **kwargs: Any) -> None:
        """Draw the bar if there is a terminal, starting at the step of a checkpoint."""
        if state.is_world_process_zero:
            self.training_bar = tqdm(
                total=state.max_steps, initial=state.global_step, dynamic_ncols=True, disable=None
            )
        self.current_step = state.global_step

    def on_prediction_step(self, *args: Any, **kwargs: Any) -> None:
        """Label the bar, which does not move now; a second bar would leave blank lines."""
        self._label("validating: ")

    def on_evaluate(self, *args: Any, **kwargs: Any) -> None:
        """Remove the label."""
        self._label("")

    def on_log(self, args: Any, state: TrainerState, *_: Any, **kwargs: Any) -> None:
        """Print training and validation metrics above the bar."""
        logs = kwargs.get("logs")
        if not state.is_world_process_zero or self.training_bar is None or not logs:
            return
        position = f"epoch {state.epoch or 0:6.2f}  step {state.global_step:6d}"
        if "eval_loss" in logs:
            dataset = getattr(kwargs.get("eval_dataloader"), "dataset", None)
            name = validation_name(getattr(dataset, "num_streams", 1))
            self._write(f"{position}  {name}  {_validation_metrics(logs)}")
        elif "loss" in logs:
            metrics = f"{readable(logs['loss'], 4)} nats"
            if "perplexity" in logs:
                metrics += f", perplexity {readable(logs['perplexity'], 2)}"
            rate = f"learning rate {logs['learning_rate']:.2e}"
            self._write(f"{position}  training    {metrics}, {rate}")

    def _write(self, line: str) -> None:
        tqdm.write(line)
        sys.stdout.flush()  # for readers who follow a log file

    def _label(self, text: str) -> None:
        bar = self.training_bar
        if bar is not None and not bar.disable and bar.desc != text:
            bar.set_description_str(text)


def validation_name(streams: int) -> str:
    """What an evaluation of the training is called, whose scores depend on the parallel streams."""
    return "validation" if streams == 1 else f"validation in {streams} streams"


def _validation_metrics(logs: dict[str, float]) -> str:
    metrics = [f"{readable(logs['eval_loss'], 4)} nats"]
    if "eval_bits_per_character" in logs:
        mark = "*" if logs.get("eval_unknown_share") else ""
        bits = readable(logs["eval_bits_per_character"], 4)
        metrics.append(f"{bits}{mark} bits per character")
    if "eval_perplexity" in logs:
        metrics.append(f"perplexity {readable(logs['eval_perplexity'], 2)}")
    if "eval_accuracy" in logs:
        metrics.append(f"accuracy {logs['eval_accuracy']:.1%}")
    return ", ".join(metrics)


def sample_text(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompt: str,
    length: int,
    seed: int = 0,
) -> str:
    """Sample a continuation of a prompt at temperature 1, without changing the global RNG state.

    Special tokens other than the line end are not drawn.

    Args:
        model: Any causal language model.
        tokenizer: Its tokenizer.
        prompt: The text to continue.
        length: Number of tokens to add, if so many fit; see `tokens_that_fit`.
        seed: Seed of the sampling.

    Returns:
        The prompt and its continuation.

    Raises:
        LmcourseError: The prompt is longer than what the model reads.
    """
    inputs = prompt_token_ids(tokenizer, prompt).to(model.device)
    length = tokens_that_fit(model, inputs.shape[1], length)
    with evaluating(model), torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(seed)
        # A model that diverged gives garbage; a sample should not stop the training.
        generate: Any = model.generate
        tokens = generate(
            inputs,
            max_new_tokens=length,
            do_sample=True,
            top_k=0,
            eos_token_id=stop_token_id(tokenizer),
            suppress_tokens=unprinted_token_ids(tokenizer) or None,
            remove_invalid_values=True,
        )
    return str(tokenizer.decode(tokens[0]))


class SampleText(TrainerCallback):
    """Append a sample to `samples.txt` in the run folder at each evaluation."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
        self.tokenizer = tokenizer
        self.folder = folder

    def on_evaluate(self, args: Any, state: TrainerState, *_: Any, **kwargs: Any) -> None:
        """Append a sample, on the main process only."""
        if not state.is_world_process_zero or args.sample_length <= 0:
            return
        model = getattr(kwargs["model"], "module", kwargs["model"])
        text = sample_text(model, self.tokenizer, args.sample_prompt, args.sample_length, args.seed)
        title = f"--- step {state.global_step}, epoch {state.epoch or 0:.2f}"
        append_text(self.folder / "samples.txt", f"{title}\n{text}\n")


class WallTime(TrainerCallback, ExportableState):
    """Measure the seconds of training, including those before an interruption."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self._began = time.perf_counter()
        self._ended: float | None = None

    @property
    def total(self) -> float:
        """Seconds up to now, or up to the end of the training."""
        return self.seconds + (self._ended or time.perf_counter()) - self._began

    def on_train_begin(self, *args: Any, **kwargs: Any) -> None:
        """Start the clock."""
        self._began = time.perf_counter()

    def on_train_end(self, *args: Any, **kwargs: Any) -> None:
        """Stop the clock."""
        self._ended = time.perf_counter()

    def state(self) -> dict[str, dict[str, Any]]:
        """Return what a checkpoint keeps."""
        return {"args": {"seconds": self.total}, "attributes": {}}


class StopOnSignal(TrainerCallback):
    """Finish the step, save a checkpoint and stop at the first SIGINT or SIGTERM."""

    def __init__(self) -> None:
        self.received: int | None = None
        self._before: dict[int, Any] = {}

    def on_train_begin(self, *args: Any, **kwargs: Any) -> None:
        """Install the handlers; a second signal interrupts at once."""
        self._before = {number: signal.signal(number, self._receive) for number in _SIGNALS}

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Ask Trainer to save and stop, in all processes after the same step."""
        if args.world_size > 1:
            received = torch.tensor(self.received or 0, device=args.device)
            torch.distributed.all_reduce(received, torch.distributed.ReduceOp.MAX)
            self.received = int(received) or None
        if self.received is not None:
            control.should_save = control.should_training_stop = True

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Skip the evaluation in the middle of an epoch, to stop without delay."""
        if self.received is not None and (state.epoch or 0) % 1 != 0:
            control.should_evaluate = control.should_save = False

    def on_train_end(self, *args: Any, **kwargs: Any) -> None:
        """Restore the handlers."""
        self.release()

    def release(self) -> None:
        """Restore the previous signal handlers, also after a training that failed."""
        while self._before:
            signal.signal(*self._before.popitem())

    def _receive(self, number: int, frame: object) -> None:
        self.received = number
        for known in _SIGNALS:
            signal.signal(known, signal.default_int_handler)
