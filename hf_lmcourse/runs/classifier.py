"""A training run of a classifier: what it prints, scores and writes."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..data.labelled import LabelledCorpus
from ..errors import short
from ..evaluation.classifier_scores import classification_metrics
from ..report.learning_curves import plot_accuracy_curve
from ..report.numbers import readable
from ..report.results import RunResult
from .training_run import RunSummary, TrainingRun


@dataclass(repr=False)
class ClassifierSummary(RunSummary):
    """Results of a classifier's run.

    Attributes:
        baselines: Validation accuracy of simple classifiers, by name.
    """

    baselines: dict[str, float]

    def table(self) -> str:
        """Format the metrics of each split and of the baselines as aligned text."""
        rows = [("validation", "accuracy", "nats per text")]
        rows += [(name, f"{value:.2%}", "") for name, value in self.baselines.items()]
        for split, metrics in self.result.metrics.items():
            name = f"this model ({split})" if split != "validation" else "this model"
            rows.append((name, f"{metrics['accuracy']:.2%}", readable(metrics["cross_entropy"], 4)))
        width = max(len(name) for name, *_ in rows)
        return "\n".join(f"  {n:<{width}}  {first:>10}  {second:>14}" for n, first, second in rows)


@dataclass
class ClassifierRun(TrainingRun):
    """A training run of a classifier, whose `splits` are `RaggedTexts`."""

    corpus: LabelledCorpus
    plotted = ("eval_accuracy",)

    @property
    def data_line(self) -> str:
        """See `TrainingRun`."""
        return (
            f"{len(self.tokenizer):,} words on {self.corpus.name} "
            f"({len(self.splits['train']):,} training texts, {self.corpus.source}; "
            f"{short(', '.join(self.corpus.label_names))})"
        )

    @property
    def training_data(self) -> str:
        """See `TrainingRun`."""
        corpus, train = self.corpus, self.splits["train"]
        return (
            f"The corpus {corpus.name} ({corpus.source}), {len(train):,} training texts with "
            f"{len(train.tokens):,} words; classes {short(', '.join(corpus.label_names), 200)}."
        )

    def score(self, model: Any, split: str) -> dict[str, float]:
        """See `TrainingRun`; the model is that of the best epoch."""
        return classification_metrics(model, self.splits[split])

    def summarise(self, result: RunResult, model: Any) -> ClassifierSummary:
        """Add the accuracy of always predicting the training texts' most frequent class."""
        (label, _), *_ = Counter(self.splits["train"].labels).most_common(1)
        validation = self.splits["validation"].labels
        accuracy = validation.count(label) / len(validation)
        baselines = {"always the most frequent class": accuracy}
        return ClassifierSummary(result, self.folder, None, baselines)

    def plot_curve(self, path: Path, title: str, summary: ClassifierSummary) -> None:
        """See `TrainingRun`."""
        history = [log for log in self.trainer.state.log_history if "epoch" in log]
        plot_accuracy_curve(history, path, title)
