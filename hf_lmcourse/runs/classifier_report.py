"""What a finished run of a classifier leaves behind: figures, picture, card, result file."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import ModelCard

from ..evaluation.classifier_scores import classification_metrics
from ..report.learning_curves import plot_accuracy_curve
from ..report.results import RunResult
from ..sharing.card import render_model_card
from ..sharing.card_sections import save_card
from ..sharing.corpus_licenses import corpus_facts
from .classifier import ClassificationRun
from .pretrained_vectors import sentence_on_vectors
from .run_folder import (
    about,
    changed_settings,
    run_result,
    save_for_sharing,
    save_result,
    saved_model,
    share_learning_curve,
)

__all__ = ["ClassificationSummary", "finish_classification"]


@dataclass
class ClassificationSummary:
    """What the command prints at the end of a run.

    Attributes:
        result: as written to `result.json`.
        yardsticks: validation accuracy of simple classifiers, by name.
        folder: the run folder.
    """

    result: RunResult
    yardsticks: dict[str, float]
    folder: Path

    def table(self) -> str:
        """The figures of each split beside the yardsticks, as aligned text."""
        rows = [("validation", "accuracy", "nats per text")]
        rows += [(name, f"{value:.2%}", "") for name, value in self.yardsticks.items()]
        for split, metrics in self.result.metrics.items():
            name = f"this model ({split})" if split != "validation" else "this model"
            rows.append((name, f"{metrics['accuracy']:.2%}", f"{metrics['cross_entropy']:.4f}"))
        width = max(len(name) for name, *_ in rows)
        return "\n".join(f"  {n:<{width}}  {first:>10}  {second:>14}" for n, first, second in rows)


def finish_classification(run: ClassificationRun) -> ClassificationSummary:
    """Score the model of the best epoch on validation and test texts, and write the run folder.

    What is scored is the model as it was saved, in the precision of its weights, also where the
    training was in bfloat16. The test texts are read here for the first and only time.

    Args:
        run: after its training.

    Returns:
        What to print.
    """
    save_for_sharing(run)
    model, seconds, metrics = saved_model(run), run.seconds, {}
    for split, texts in run.splits.items():
        if split == "train":
            continue
        metrics[split] = classification_metrics(model, texts)
        if run.vectors is not None:
            metrics[split] |= run.vectors.coverage(texts.tokens)
    yardsticks = {"always the most frequent class": _most_frequent_class(run)}
    result = run_result(run, run.corpus.name, metrics, seconds)
    save_result(run, result)
    picture = _plot(run)
    save_card(_card(run, result, picture), run.folder / "README.md")
    share_learning_curve(run, picture)
    return ClassificationSummary(result, yardsticks, run.folder)


def _most_frequent_class(run: ClassificationRun) -> float:
    """Validation accuracy of answering with the training texts' most frequent class."""
    (label, _), *_ = Counter(run.splits["train"].labels).most_common(1)
    validation = run.splits["validation"].labels
    return validation.count(label) / len(validation)


def _plot(run: ClassificationRun) -> str | None:
    history = [log for log in run.trainer.state.log_history if "epoch" in log]
    if not any("eval_accuracy" in log for log in history):
        return None
    picture = Path("plots", "learning_curve.png")
    title = f"{run.settings.name}: {run.corpus.name}"
    plot_accuracy_curve(history, run.folder / picture, title)
    return picture.as_posix()


def _card(run: ClassificationRun, result: RunResult, learning_curve: str | None) -> ModelCard:
    description, equation = about(type(run.trainer.model.model))
    corpus, train = run.corpus, run.splits["train"]
    return render_model_card(
        result,
        description=description,
        equation=equation,
        training_data=(
            f"The corpus {corpus.name} ({corpus.source}), {len(train):,} training texts with "
            f"{len(train.tokens):,} words; classes {', '.join(corpus.label_names)}."
            + sentence_on_vectors(run.vectors, train.tokens)
        ),
        config_text=Path(run.settings.config_file).read_text(encoding="utf-8"),
        hyperparameters=changed_settings(run.settings),
        learning_curve=learning_curve,
        facts=corpus_facts(run.settings.data.corpus),
    )
