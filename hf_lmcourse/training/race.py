"""Several ways to train one model: how soon each reaches the perplexity of the first."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from ..data.corpora import Corpus, load_corpus
from ..errors import LmcourseError
from ..evaluation.corpus_scores import evaluate_split
from ..models.families import CLASSIFIERS
from ..report.redact import make_shareable
from ..report.references import PUBLISHED_RESULTS
from ..report.results import device_name, environment_versions, git_commit
from ..report.tables import same_corpus
from ..runs.language_model import Run, prepare_run
from ..runs.language_model_report import count_models
from ..runs.settings import read_settings

__all__ = ["Clock", "run_race"]

_QUIET = (
    ("save_strategy", "no"),
    ("load_best_model_at_end", "false"),
    ("eval_strategy", "no"),
    ("logging_strategy", "no"),
)
"""Nothing that is no training while the clock runs."""


class Clock(TrainerCallback):
    """Seconds of training, and when the validation loss first fell to a mark.

    The loss is measured after each `every` steps until then, and the clock stands still meanwhile.

    Args:
        run: the training; its trainer gets this callback.
        mark: the loss to reach, in nats per token; without one the clock only runs.
        every: steps between two measurements; a 200th of the training by default.

    Attributes:
        steps: how many there were.
        passed: seconds and steps to the mark, where it was reached.
        curve: seconds, steps and validation loss at each measurement.
    """

    def __init__(self, run: Run, mark: float | None, every: int | None) -> None:
        self.run, self.mark, self.every = run, mark, every
        self.steps = 0
        self.passed: tuple[float, int] | None = None
        self.curve: list[tuple[float, int, float]] = []
        self._before = self._cpu_before = 0.0
        self.start()
        run.trainer.add_callback(self)

    def start(self) -> None:
        """Let the clock run."""
        self._began, self._cpu_began = time.perf_counter(), time.process_time()

    def stop(self) -> None:
        """Let the clock stand still."""
        self._before += time.perf_counter() - self._began
        self._cpu_before += time.process_time() - self._cpu_began

    @property
    def seconds(self) -> float:
        """Of training, up to the last `stop`."""
        return self._before

    @property
    def cpu_seconds(self) -> float:
        """The processor's, over all threads: what other programs take is not in it."""
        return self._cpu_before

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Measure, until the mark is reached."""
        self.steps = state.global_step
        every = self.every or max(1, state.max_steps // 200)
        if self.mark is None or self.passed is not None or self.steps % every:
            return
        self.stop()
        trainer = self.run.trainer
        loss = trainer.evaluation_loop(trainer.get_eval_dataloader(), "").metrics["eval_loss"]
        trainer.model.train()
        self.curve.append((self.seconds, self.steps, loss))
        if loss <= self.mark:
            self.passed = (self.seconds, self.steps)
        self.start()


def run_race(
    configs: Sequence[str],
    options: Sequence[str] = (),
    also: str | None = None,
    every: int | None = None,
    tell: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Train as each YAML says, one after the other, on the same text and the same tokens.

    Args:
        configs: YAML files; the first one sets the mark.
        options: further words of the command line for every training, such as `--data_dir`.
        also: a further corpus, on whose validation text each model is scored.
        every: steps of the later trainings between two measurements; a 200th of each by default.
        tell: shows a line of progress.

    Returns:
        What was measured, as the result file holds it: one of `points` a training, and count models
        of the same text.

    Raises:
        LmcourseError: fewer than two trainings, one of a classifier, two that do not share text and
            tokens, or whatever is wrong with a training.
    """
    if len(configs) < 2:
        raise LmcourseError("a race needs two YAML files at least: the first one sets the mark")
    points: list[dict[str, Any]] = []
    first: Run | None = None
    for config in configs:
        run = _prepare(config, options)
        first = first or run
        _check_same_text(first, run)
        mark = points[0]["metrics"]["validation"]["nats_per_token"] if points else None
        tell(f"{run.settings.name} ...")
        points.append(_train(run, Clock(run, mark, every), also))
        tell(_told(points[-1], points[0]))
    assert first is not None
    return {
        "name": f"race_{Path(configs[0]).stem}",
        "corpus": first.corpus.name,
        "points": points,
        "count_models": _count_perplexities(first),
        "published": [] if also is None else _published(also),
        "threads": torch.get_num_threads(),
        "device": device_name(first.settings.training.device),
        "versions": environment_versions(),
        "commit": git_commit(),
    }


def _prepare(config: str, options: Sequence[str]) -> Run:
    quiet = [word for name, value in _QUIET for word in (f"--{name}", value)]
    folder = f"runs/race_{Path(config).stem}"
    settings = read_settings([config, "--output_dir", folder, *options, *quiet])
    if settings.config.model_type in CLASSIFIERS:
        raise LmcourseError(f"{config} trains a classifier: a race is between language models")
    return prepare_run(settings, ["lmcourse", "race", config])


def _check_same_text(first: Run, run: Run) -> None:
    if first.corpus.name != run.corpus.name or (
        first.tokenizer.get_vocab() != run.tokenizer.get_vocab()
    ):
        raise LmcourseError(
            f"{first.settings.config_file} and {run.settings.config_file} do not share corpus and "
            "vocabulary, so their perplexities do not compare"
        )


def _train(run: Run, clock: Clock, also: str | None) -> dict[str, Any]:
    clock.start()
    run.train()
    clock.stop()
    if run.stop.received is not None:
        raise KeyboardInterrupt
    splits = [(run.corpus, split) for split in run.corpus.splits if split != "train"]
    metrics = {split: _score(run, corpus, split) for corpus, split in splits}
    if also is not None:
        corpus = load_corpus(also, run.settings.data.data_dir)
        metrics[f"{corpus.name} validation"] = _score(run, corpus, "validation")
    return {
        "name": run.settings.name,
        "config": make_shareable(run.settings.config_file),
        "seconds": round(clock.seconds, 3),
        "cpu_seconds": round(clock.cpu_seconds, 3),
        "steps": clock.steps,
        "seconds_to_mark": clock.passed[0] if clock.passed else None,
        "steps_to_mark": clock.passed[1] if clock.passed else None,
        "curve": clock.curve,
        "metrics": metrics,
        "vectors": None
        if run.vectors is None
        else run.vectors.coverage(run.splits["train"].tokens),
        "parameters": sum(p.numel() for p in run.trainer.model.parameters()),
        "seed": run.settings.training.seed,
    }


def _score(run: Run, corpus: Corpus, split: str) -> dict[str, float]:
    cache = run.settings.data.cache_dir
    return evaluate_split(run.trainer.model, run.tokenizer, corpus, split, cache_dir=cache)


def _told(point: dict[str, Any], first: dict[str, Any]) -> str:
    figures = ", ".join(f"{s} {m['perplexity']:.2f}" for s, m in point["metrics"].items())
    line = f"{point['name']}: {point['steps']:,} steps in {point['seconds']:.1f} s, {figures}"
    if point is first:
        return line
    if point["seconds_to_mark"] is None:
        return f"{line}; never reached {first['metrics']['validation']['perplexity']:.2f}"
    factor = first["seconds"] / point["seconds_to_mark"]
    return (
        f"{line}; reached {first['metrics']['validation']['perplexity']:.2f} after "
        f"{point['steps_to_mark']:,} steps in {point['seconds_to_mark']:.2f} s: {factor:.0f} times "
        "as fast"
    )


def _count_perplexities(run: Run) -> dict[str, dict[str, float]]:
    return {
        split: {name: score.perplexity for name, score in count_models(run, split).items()}
        for split in run.corpus.splits
        if split != "train"
    }


def _published(corpus: str) -> list[dict[str, Any]]:
    return [asdict(result) for result in PUBLISHED_RESULTS if same_corpus(result.corpus, corpus)]
