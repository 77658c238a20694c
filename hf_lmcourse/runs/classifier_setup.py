"""Setup of a classifier's run: data, tokenizer, model, trainer."""

from dataclasses import replace
from typing import Any

from torch import Tensor
from transformers import (
    AutoModelForSequenceClassification,
    EvalPrediction,
    PreTrainedTokenizerBase,
    set_seed,
)

from ..data.labelled import LabelledCorpus, check_classes, load_labelled_corpus
from ..data.labelled_texts import draw_training_texts
from ..data.ragged import encode_texts, ragged_batch
from ..errors import LmcourseError
from ..metrics import load_metric
from ..tokenization import train_tokenizer
from ..training.arguments import LabelledDataArguments
from ..training.class_weights import initialise_class_weights
from ..training.log_count_ratios import initialise_ratios
from ..training.made_from import made_from
from ..training.sparse_gradients import SparseGradientTrainer
from .classifier import ClassifierRun
from .pretrained_vectors import initialise_from_vectors, vectors_hash
from .run_folder import record_command, resolve_run_folder
from .settings import RunSettings
from .setup import new_model, new_trainer, saved_tokenizer

_TOKENIZERS = ("word_punctuation", "word")
"""The tokenizers that are trained."""


def prepare_classifier(settings: RunSettings, command: list[str]) -> ClassifierRun:
    """Load the texts, and build the tokenizer, the model and the trainer; see `prepare_run`."""
    args, data = settings.training, settings.data
    if args.in_parts:
        raise LmcourseError("optim muon and vectors_learning_rate are for language models")
    techniques = args.input_masking or args.forget_state or args.weight_averaging != "no"
    if techniques or args.rank_contexts:
        raise LmcourseError(
            "input_masking, forget_state, weight_averaging and rank_contexts are for language "
            "models"
        )
    if args.label_smoothing_factor and getattr(settings.config, "balance_classes", False):
        # transformers' smoothed loss is made of the logits alone
        raise LmcourseError("balance_classes goes without label_smoothing_factor")
    with args.main_process_first(desc="tokenizing"):
        corpus = _training_corpus(settings)
        check_classes(corpus)
        tokenizer = _tokenizer(settings, corpus)
        splits = {
            split: encode_texts(texts, tokenizer, data.cache_dir)
            for split, texts in corpus.splits.items()
        }
    set_seed(args.seed)
    config: Any = settings.config
    config.id2label = dict(enumerate(corpus.label_names))
    config.label2id = {name: index for index, name in enumerate(corpus.label_names)}
    config.problem_type = "single_label_classification"
    model = new_model(settings, tokenizer, AutoModelForSequenceClassification)
    initialise_ratios(model, splits["train"])
    initialise_class_weights(model, splits["train"])
    vectors = initialise_from_vectors(settings, model, tokenizer)
    data_sets = splits["train"], splits["validation"]
    origin = made_from(args, model, tokenizer, *data_sets) | vectors_hash(vectors)
    folder = resolve_run_folder(settings, model, origin)
    record_command(args, folder, command)
    args.metric_for_best_model, args.greater_is_better = "accuracy", True
    args.remove_unused_columns = False
    trainer = new_trainer(
        SparseGradientTrainer,
        args,
        origin,
        model=model,
        data_collator=ragged_batch,
        train_dataset=splits["train"],
        eval_dataset=splits["validation"],
        processing_class=tokenizer,
        compute_metrics=_accuracy,
        preprocess_logits_for_metrics=_predicted_class,
    )
    return ClassifierRun(settings, folder, trainer, tokenizer, corpus, splits, vectors)


def labelled_corpus(data: LabelledDataArguments) -> LabelledCorpus:
    """Load the labelled texts that the settings name."""
    return load_labelled_corpus(
        data.corpus,
        data.data_dir,
        text_column=data.text_column,
        label_column=data.label_column,
        validation_share=data.validation_share,
    )


def _training_corpus(settings: RunSettings) -> LabelledCorpus:
    """Load the labelled texts, and draw the training texts if the settings say how many."""
    corpus, number = labelled_corpus(settings.data), settings.data.max_training_texts
    if number is None:
        return corpus
    splits = draw_training_texts(corpus.splits, number, settings.training.seed)
    return replace(corpus, splits=splits)


def _accuracy(prediction: EvalPrediction) -> dict[str, float]:
    """Compute the accuracy of predicted classes."""
    metric = load_metric("label_accuracy")
    metrics = metric.compute(predictions=prediction.predictions, references=prediction.label_ids)
    assert metrics is not None
    return metrics


def _predicted_class(logits: Tensor, labels: Tensor) -> Tensor:
    """Reduce the logits, so that Trainer need not keep them."""
    return logits.argmax(-1)


def _tokenizer(settings: RunSettings, corpus: LabelledCorpus) -> PreTrainedTokenizerBase:
    data = settings.data
    if data.tokenizer in _TOKENIZERS:
        return train_tokenizer(
            data.tokenizer,
            corpus.splits["train"].texts,
            vocab_size=data.max_vocabulary,
            min_frequency=data.min_frequency,
            lowercase=data.lowercase,
        )
    return saved_tokenizer(data.tokenizer, _TOKENIZERS)
