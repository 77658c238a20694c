"""One run of a classifier from settings to a run folder: data, model, training, figures, card."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor
from transformers import (
    AutoModelForSequenceClassification,
    EvalPrediction,
    PreTrainedTokenizerBase,
    set_seed,
)

from ..data.labelled import LabelledCorpus, load_labelled_corpus
from ..data.ragged import RaggedTexts, encode_texts, ragged_batch
from ..data.word_vectors import AlignedVectors
from ..errors import LmcourseError
from ..metrics import load_metric
from ..models.loading import check_vocabulary, load_tokenizer
from ..report.results import git_commit
from ..tokenization import train_tokenizer
from ..training.callbacks import StopOnSignal
from ..training.log_count_ratios import begin_with_ratios
from ..training.sparse_gradients import SparseGradientTrainer
from .pretrained_vectors import begin_with_vectors, coverage_note
from .settings import RunSettings
from .training_run import (
    TrainingRun,
    check_config,
    note_command,
    run_callbacks,
    settle_run_folder,
    show_progress,
)

__all__ = ["ClassificationRun", "accuracy_of_predictions", "prepare_classification"]


@dataclass
class ClassificationRun(TrainingRun):
    """A classifier in training; see `TrainingRun` too.

    Attributes:
        corpus: the labelled texts.
        tokenizer: made from the training texts, or loaded.
        splits: the encoded texts by split.
        vectors: the word vectors that it began with, where a file of them was named.
    """

    corpus: LabelledCorpus
    tokenizer: PreTrainedTokenizerBase
    splits: dict[str, RaggedTexts]
    vectors: AlignedVectors | None

    def describe(self) -> str:
        """What is trained, on what, where to, for the reader of the terminal."""
        classes = ", ".join(self.corpus.label_names)
        lines = [
            f"{self.model_line()} and {len(self.tokenizer):,} words on {self.corpus.name} "
            f"({len(self.splits['train']):,} training texts, {self.corpus.source}; {classes})",
        ]
        if self.vectors is not None:
            lines.append(coverage_note(self.vectors, self.splits["train"].tokens))
        lines.append(f"run folder: {self.folder}")
        return "\n".join(lines)


def prepare_classification(settings: RunSettings, command: list[str]) -> ClassificationRun:
    """Load the texts, build the tokenizer, the model and the trainer.

    Args:
        settings: from `read_settings`; the run folder is settled, and vocabulary and classes are
            filled in here.
        command: the words of the command line, kept in the run folder.

    Returns:
        A run ready to train.

    Raises:
        LmcourseError: whatever is wrong with the texts, the tokenizer, the settings, or the
            checkpoint to go on from. Nothing is written before all of them are right.
    """
    args, data = settings.training, settings.data
    if args.input_masking or args.weight_averaging != "no" or args.rank_contexts:
        raise LmcourseError(
            "input_masking, weight_averaging and rank_contexts are for language models"
        )
    with args.main_process_first(desc="tokenizing"):
        corpus = load_labelled_corpus(
            data.corpus,
            data.data_dir,
            text_column=data.text_column,
            label_column=data.label_column,
            validation_share=data.validation_share,
        )
        tokenizer = _tokenizer(settings, corpus)
        splits = {
            split: encode_texts(texts, tokenizer, data.cache_dir)
            for split, texts in corpus.splits.items()
        }
    set_seed(args.seed)
    model, vectors = _model(settings, corpus, tokenizer)
    begin_with_ratios(model.model, splits["train"], len(corpus.label_names))
    folder = settle_run_folder(settings, model)
    note_command(args, folder, command)
    stop = StopOnSignal()
    args.metric_for_best_model, args.greater_is_better = "accuracy", True
    args.remove_unused_columns = False
    trainer = SparseGradientTrainer(
        model=model,
        args=args,
        data_collator=ragged_batch,
        train_dataset=splits["train"],
        eval_dataset=splits["validation"],
        processing_class=tokenizer,
        compute_metrics=accuracy_of_predictions,
        preprocess_logits_for_metrics=_likeliest,
        callbacks=run_callbacks(args, stop),
    )
    show_progress(trainer)
    return ClassificationRun(
        settings, folder, trainer, stop, git_commit(), corpus, tokenizer, splits, vectors
    )


def accuracy_of_predictions(outcome: EvalPrediction) -> dict[str, float]:
    """The accuracy of the classes that a model predicted."""
    metric = load_metric("label_accuracy")
    figures = metric.compute(predictions=outcome.predictions, references=outcome.label_ids)
    assert figures is not None
    return figures


def _likeliest(logits: Tensor, labels: Tensor) -> Tensor:
    """The likeliest class of each text: Trainer need not keep the logits."""
    return logits.argmax(-1)


def _tokenizer(settings: RunSettings, corpus: LabelledCorpus) -> PreTrainedTokenizerBase:
    data = settings.data
    if data.tokenizer in ("word", "word_punctuation"):
        return train_tokenizer(
            data.tokenizer,
            corpus.splits["train"].texts,
            vocab_size=data.max_vocabulary,
            min_frequency=data.min_frequency,
            lowercase=data.lowercase,
        )
    if not Path(data.tokenizer, "tokenizer.json").exists():
        raise LmcourseError(
            f'tokenizer {data.tokenizer!r} is neither "word_punctuation" nor "word" nor a folder '
            "with a tokenizer.json"
        )
    return load_tokenizer(data.tokenizer)


def _model(
    settings: RunSettings, corpus: LabelledCorpus, tokenizer: PreTrainedTokenizerBase
) -> tuple[Any, AlignedVectors | None]:
    config: Any = settings.config
    config.vocab_size = len(tokenizer)
    config.pad_token_id = tokenizer.pad_token_id
    config.id2label = dict(enumerate(corpus.label_names))
    config.label2id = {name: index for index, name in enumerate(corpus.label_names)}
    config.problem_type = "single_label_classification"
    check_config(settings)
    model = AutoModelForSequenceClassification.from_config(config)
    check_vocabulary(model, tokenizer)
    return model, begin_with_vectors(settings, model, tokenizer)
