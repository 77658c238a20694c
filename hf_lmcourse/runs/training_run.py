"""One training run of any model: it trains, scores the model and writes the run folder."""

import html
import shutil
from abc import ABC, abstractmethod
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import torch
from huggingface_hub import ModelCard
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from ..data.word_vectors import AlignedVectors
from ..models.loading import load_model
from ..report.files import whole_file
from ..report.quiet_libraries import quiet_libraries
from ..report.redact import redacted
from ..report.results import RunResult, device_name, environment_versions, git_commit
from ..report.tables import MODEL_TITLES
from ..report.titles import corpus_title
from ..sharing.card import render_model_card
from ..sharing.card_sections import save_card
from ..sharing.corpus_licenses import corpus_facts
from ..sharing.push import PushedModel, push_folder
from ..training.callbacks import StopOnSignal, WallTime
from ..training.freed_memory import freed_memory_kept
from .pretrained_vectors import coverage_note, coverage_sentence
from .run_folder import model_description, non_default_settings
from .settings import RunSettings


@dataclass(repr=False)
class RunSummary(ABC):
    """Results of a finished run, which print as a table and are displayed so in a notebook.

    Attributes:
        result: As written to `result.json`.
        folder: The run folder.
        sample: A sample of a language model at temperature 1; `None` if there are no samples.
    """

    result: RunResult
    folder: Path
    sample: str | None

    @property
    def metrics(self) -> dict[str, dict[str, float]]:
        """The metrics of each split, by name."""
        return self.result.metrics

    @property
    def model(self) -> PreTrainedModel:
        """The trained model, loaded from the run folder in evaluation mode."""
        return self._saved[0]

    @property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        """The tokenizer of the model."""
        return self._saved[1]

    @cached_property
    def _saved(self) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
        with quiet_libraries():
            return load_model(str(self.folder))

    @abstractmethod
    def table(self) -> str:
        """Format the metrics of each split and of the baselines as aligned text."""

    def __str__(self) -> str:
        return self.table()

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"


@dataclass
class TrainingRun(ABC):
    """One training run of any model.

    Attributes:
        settings: Settings of the run.
        folder: The run folder; Trainer's own `output_dir` is `checkpoints` in it.
        trainer: Ready to train.
        tokenizer: Made from the training text, or loaded.
        corpus: The text, or the labelled texts.
        splits: The encoded text by split.
        vectors: The pretrained word vectors, if a file of them was named.
        commit: Commit of the code when the run began.
    """

    settings: RunSettings
    folder: Path
    trainer: Any
    tokenizer: PreTrainedTokenizerBase
    corpus: Any
    splits: dict[str, Any]
    vectors: AlignedVectors | None
    commit: str | None = field(default_factory=git_commit, init=False)

    plotted: ClassVar[tuple[str, ...]]
    """Names of the logged values in the learning curve, which needs one of them at least."""

    @property
    @abstractmethod
    def data_line(self) -> str:
        """The vocabulary and the data, after the words "MODEL with N parameters and"."""

    @property
    @abstractmethod
    def training_data(self) -> str:
        """The training data in a sentence of the card."""

    @property
    def scoring(self) -> str:
        """How the scores of `finish` differ from the evaluations of the training, if they do."""
        return ""

    @abstractmethod
    def score(self, model: Any, split: str) -> dict[str, float]:
        """Compute the metrics of the trained model on a split."""

    @abstractmethod
    def summarise(self, result: RunResult, model: Any) -> RunSummary:
        """Add to the result what is printed next to it, such as the baselines."""

    @abstractmethod
    def plot_curve(self, path: Path, title: str, summary: Any) -> None:
        """Draw the learning curve."""

    def describe(self) -> str:
        """Describe the model, the data and the run folder in a few lines."""
        model = self.trainer.model
        parameters = sum(p.numel() for p in model.parameters())
        lines = [f"{type(model).__name__} with {parameters:,} parameters and {self.data_line}"]
        if self.vectors is not None:
            lines.append(coverage_note(self.vectors, self.splits["train"].tokens))
        return "\n".join([*lines, f"run folder: {self.folder}"])

    def train(self) -> None:
        """Train from the start, or from the checkpoint that the settings name.

        Raises:
            LmcourseError: The loss became NaN or infinite.
        """
        try:
            with freed_memory_kept():
                self.trainer.train(
                    resume_from_checkpoint=self.settings.training.resume_from_checkpoint
                )
        finally:
            self.stop.release()

    def finish(self, splits: Collection[str] = ("validation", "test")) -> RunSummary:
        """Score the trained model on these splits, if there are such; write the run folder.

        The model is scored as it was saved, in the precision of its weights, even if the training
        was in bfloat16. The test data are scored here for the first and only time.
        """
        self.save_model()
        trained = self.trainer.accelerator.unwrap_model(self.trainer.model)
        model = type(trained).from_pretrained(self.folder).to(self.settings.training.device)
        seconds, metrics = self.seconds, {}
        for split in self.corpus.splits:
            if split in splits:
                metrics[split] = self.score(model, split)
                if self.vectors is not None:
                    metrics[split] |= self.vectors.coverage(self.splits[split].tokens)
        result = self._result(metrics, seconds)
        summary = self.summarise(result, model)
        result.save(self.folder / "result.json")
        if self.settings.training.results_dir is not None:
            result.save(Path(self.settings.training.results_dir, f"{self.settings.name}.json"))
        curve = self._learning_curve(summary)
        save_card(self._card(summary, curve), self.folder / "README.md")
        return summary

    def save_model(self) -> None:
        """Write weights, config and tokenizer into the run folder, and nothing that is a pickle."""
        self.trainer.save_model(str(self.folder))
        (self.folder / "training_args.bin").unlink(missing_ok=True)

    def push(self) -> PushedModel:
        """Push the finished run folder to the Hub, as the `hub_*` settings say.

        Raises:
            HubError: The cause, and what to do; the run folder is complete by then.
        """
        args = self.settings.training
        return push_folder(
            self.folder,
            self.trainer.hub_model_id,
            private=bool(args.hub_private_repo),
            revision=args.hub_revision,
            token=args.hub_token,
        )

    @property
    def seconds(self) -> float:
        """Seconds of training, including those before an interruption."""
        return float(self._callback(WallTime).total)

    @property
    def backend(self) -> str:
        """What computes the recurrence in training, see `RunResult`."""
        return ""

    @property
    def precision(self) -> str:
        """What training multiplies, see `RunResult`: not always what a recipe says.

        A processor may not do it, and `accelerate launch` has a setting of its own.
        """
        mixed = self.trainer.accelerator.mixed_precision
        return "float32" if mixed == "no" else mixed

    @property
    def stop(self) -> StopOnSignal:
        """The callback that handles SIGINT and SIGTERM."""
        return self._callback(StopOnSignal)

    def _callback(self, kind: Any) -> Any:
        return next(c for c in self.trainer.callback_handler.callbacks if isinstance(c, kind))

    def _result(self, metrics: dict[str, dict[str, float]], seconds: float) -> RunResult:
        trainer, settings = self.trainer, self.settings
        commands = (self.folder / "command.txt").read_text(encoding="utf-8").splitlines()
        return RunResult(
            name=settings.name,
            model_type=settings.config.model_type,
            corpus=self.corpus.name,
            config=redacted(settings.config_file),
            command=redacted(" && ".join(dict.fromkeys(commands))),  # however often it was resumed
            metrics=metrics,
            parameters=sum(p.numel() for p in trainer.model.parameters()),
            seed=settings.training.seed,
            epochs=round(trainer.state.epoch or 0.0, 4),
            wall_time_seconds=round(seconds, 1),
            device=device_name(settings.training.device),
            threads=torch.get_num_threads(),
            versions=environment_versions(),
            commit=self.commit,
            backend=self.backend,
            precision=self.precision,
        )

    def _learning_curve(self, summary: RunSummary) -> str | None:
        """Draw the learning curve, and copy it to `results_dir` if one is set.

        Returns:
            The plot, relative to the run folder; `None` if the run was too short to log any of it.
        """
        settings, plot = self.settings, Path("plots", "learning_curve.png")
        if not any(name in log for log in self.trainer.state.log_history for name in self.plotted):
            return None
        model = MODEL_TITLES.get(summary.result.model_type, summary.result.model_type)
        title = f"{model} on {corpus_title(self.corpus.name)}"
        self.plot_curve(self.folder / plot, title, summary)
        if settings.training.results_dir is not None:
            name = f"{settings.name}_learning_curve.png"
            with whole_file(Path(settings.training.results_dir, "plots", name)) as copy:
                shutil.copyfile(self.folder / plot, copy)
        return plot.as_posix()

    def card_rows(self, summary: Any) -> dict[str, str]:
        """What the card has in the table of settings besides them: what resuming changed."""
        changes = self.trainer.changes
        return {"changed on resuming": "; ".join(changes)} if changes else {}

    def _card(self, summary: RunSummary, learning_curve: str | None) -> ModelCard:
        settings = self.settings
        description, equation = model_description(self.trainer.model)
        coverage = coverage_sentence(self.vectors, self.splits["train"].tokens)
        return render_model_card(
            summary.result,
            description=description,
            equation=equation,
            training_data=self.training_data + coverage,
            config_text=Path(settings.config_path).read_text(encoding="utf-8"),
            hyperparameters=non_default_settings(settings) | self.card_rows(summary),
            scoring=self.scoring,
            sample=summary.sample,
            learning_curve=learning_curve,
            facts=corpus_facts(settings.data.corpus),
        )
