"""A training run of a classifier: what it prints, scores and writes."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import ModelCard

from ..data.labelled import LabelledCorpus
from ..evaluation.classifier_scores import classification_metrics
from ..report.learning_curves import plot_accuracy_curve
from ..report.results import RunResult
from ..sharing.card import render_model_card
from ..sharing.card_sections import save_card
from ..sharing.corpus_licenses import corpus_facts
from .pretrained_vectors import coverage_sentence
from .run_folder import (
    class_description,
    copy_learning_curve,
    load_saved_model,
    non_default_settings,
    run_result,
    save_model,
    save_result,
)
from .training_run import RunSummary, TrainingRun


@dataclass
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
            rows.append((name, f"{metrics['accuracy']:.2%}", f"{metrics['cross_entropy']:.4f}"))
        width = max(len(name) for name, *_ in rows)
        return "\n".join(f"  {n:<{width}}  {first:>10}  {second:>14}" for n, first, second in rows)


@dataclass
class ClassifierRun(TrainingRun):
    """A training run of a classifier, whose `splits` are `RaggedTexts`.

    Attributes:
        corpus: The labelled texts.
    """

    corpus: LabelledCorpus

    @property
    def data_line(self) -> str:
        """See `TrainingRun`."""
        return (
            f"{len(self.tokenizer):,} words on {self.corpus.name} "
            f"({len(self.splits['train']):,} training texts, {self.corpus.source}; "
            f"{', '.join(self.corpus.label_names)})"
        )

    def finish(self) -> ClassifierSummary:
        """Score the model of the best epoch on validation and test texts; write the run folder.

        The model is scored as it was saved, in the precision of its weights, even if the training
        was in bfloat16. The test texts are read here for the first and only time.
        """
        save_model(self)
        model, seconds, metrics = load_saved_model(self), self.seconds, {}
        for split, texts in self.splits.items():
            if split == "train":
                continue
            metrics[split] = classification_metrics(model, texts)
            if self.vectors is not None:
                metrics[split] |= self.vectors.coverage(texts.tokens)
        result = run_result(self, self.corpus.name, metrics, seconds)
        save_result(self, result)
        curve = self._plot()
        save_card(self._card(result, curve), self.folder / "README.md")
        copy_learning_curve(self, curve)
        baselines = {"always the most frequent class": self._most_frequent_class()}
        return ClassifierSummary(result, self.folder, baselines)

    def _most_frequent_class(self) -> float:
        """Validation accuracy of always predicting the training texts' most frequent class."""
        (label, _), *_ = Counter(self.splits["train"].labels).most_common(1)
        validation = self.splits["validation"].labels
        return validation.count(label) / len(validation)

    def _plot(self) -> str | None:
        history = [log for log in self.trainer.state.log_history if "epoch" in log]
        if not any("eval_accuracy" in log for log in history):
            return None
        plot = Path("plots", "learning_curve.png")
        title = f"{self.settings.name}: {self.corpus.name}"
        plot_accuracy_curve(history, self.folder / plot, title)
        return plot.as_posix()

    def _card(self, result: RunResult, learning_curve: str | None) -> ModelCard:
        description, equation = class_description(type(self.trainer.model.model))
        corpus, train = self.corpus, self.splits["train"]
        return render_model_card(
            result,
            description=description,
            equation=equation,
            training_data=(
                f"The corpus {corpus.name} ({corpus.source}), {len(train):,} training texts with "
                f"{len(train.tokens):,} words; classes {', '.join(corpus.label_names)}."
                + coverage_sentence(self.vectors, train.tokens)
            ),
            config_text=Path(self.settings.config_file).read_text(encoding="utf-8"),
            hyperparameters=non_default_settings(self.settings),
            learning_curve=learning_curve,
            facts=corpus_facts(self.settings.data.corpus),
        )
