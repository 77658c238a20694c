"""Classifiers scored on labelled texts, and the mean of their probabilities.

    p(class | text) = 1/M  sum over m = 1 .. M of p_m(class | text)

Reference:
    Hansen and Salamon 1990, Neural Network Ensembles.
"""

import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..data.labelled import LABELLED_CORPORA, LabelledCorpus, load_labelled_corpus, whole_table
from ..data.local_files import user_path
from ..data.ragged import encode_texts
from ..errors import LmcourseError, short
from ..models.dan import DANForSequenceClassification
from ..models.loading import load_classifier
from ..report.quiet_libraries import quiet_libraries
from ..report.scoring_study import ScoredVariant, ScoringStudy
from .averaged_models import AVERAGE, average_name, check_several
from .classifier_scores import log_probabilities, metrics_of

_BY_DEFAULT = ("whole table", "test", "validation")
"""The split that is read is the first of these that there is."""


@quiet_libraries()
def evaluate_classifiers(
    models: Sequence[str],
    texts: str | Path,
    split: str | None = None,
    *,
    revision: str | None = None,
    text_column: str = "text",
    label_column: str = "label",
    data_dir: str | Path | None = None,
    cache_dir: str | Path | None = None,
) -> ScoringStudy:
    """Score each of several classifiers on labelled texts, and if they are several their average.

    Args:
        models: Run folders, saved models or ids on the Hub, which know the same classes; their
            tokenizers may differ.
        texts: The name or the path of a labelled corpus.
        split: "train", "validation" or "test"; by default the test split if there is one, and a
            table as a whole.
        revision: Branch, tag or commit of ids on the Hub; main by default.
        text_column: Of a user's table.
        label_column: Of a user's table.
        data_dir: Folder of local corpora; `LMCOURSE_DATA` by default.
        cache_dir: Folder of encoded texts; `LMCOURSE_CACHE` by default.

    Returns:
        `accuracy`, `texts` and `cross_entropy` (nats per text) of each model by its name, and those
            of `AVERAGE`.

    Raises:
        LmcourseError: A model twice, one that is no deep averaging network, classes that differ, or
            texts that cannot be read.
    """
    if len(models) != 1:
        check_several(models)
    loaded = [load_averaging_network(name, revision) for name in models]
    corpus, split = labelled_texts(
        models[0],
        loaded[0][0],
        texts,
        split,
        text_column=text_column,
        label_column=label_column,
        data_dir=data_dir,
    )
    labels = np.asarray(corpus.splits[split].labels)
    variants: dict[str, ScoredVariant] = {}
    log_sum: Any = -math.inf
    for name, (model, tokenizer) in zip(models, loaded, strict=True):
        check_class_names(name, model, corpus)
        began = time.perf_counter()
        log_p = log_probabilities(model, encode_texts(corpus.splits[split], tokenizer, cache_dir))
        seconds = time.perf_counter() - began
        variants[name] = ScoredVariant(metrics_of(log_p, labels), seconds, model.num_parameters())
        log_sum = np.logaddexp(log_sum, log_p)  # (texts, classes)
    if len(models) > 1:
        metrics = metrics_of(log_sum - math.log(len(models)), labels)
        scored = variants.values()
        seconds, parameters = sum(v.seconds for v in scored), sum(v.parameters for v in scored)
        variants[AVERAGE] = ScoredVariant(metrics, seconds, parameters)
    model, _ = loaded[0]
    kind, device = model.config.model_type, model.device
    name = average_name(models)
    return ScoringStudy(name, "model", kind, corpus.name, split, device, variants, "accuracy")


def load_averaging_network(
    name: str, revision: str | None = None
) -> tuple[DANForSequenceClassification, Any]:
    """As `load_classifier`, of a deep averaging network of this package."""
    model, tokenizer = load_classifier(name, revision)
    if not isinstance(model, DANForSequenceClassification):
        raise LmcourseError(f"{name} is not a deep averaging network of this package")
    return model, tokenizer


def labelled_texts(
    name: str,
    model: DANForSequenceClassification,
    texts: str | Path,
    split: str | None = None,
    *,
    text_column: str = "text",
    label_column: str = "label",
    data_dir: str | Path | None = None,
) -> tuple[LabelledCorpus, str]:
    """Labelled texts, whose classes are those of a model in its order, and the split to read.

    Args:
        name: What the model is called.
        model: The model.
        texts: As all other arguments, as for `evaluate_classifiers`.
        split: "train", "validation" or "test".
        text_column: Of a user's table.
        label_column: Of a user's table.
        data_dir: Folder of local corpora.

    Raises:
        LmcourseError: Other classes, no such split, or texts that cannot be read.
    """
    columns: Any = {"text_column": text_column, "label_column": label_column}
    classes, path = model.config.class_names, user_path(str(texts))
    named = texts in ("toy_reviews", *LABELLED_CORPORA)
    if split is None and not named and path.is_file():
        corpus = whole_table(path, **columns, classes=classes)
    else:
        corpus = load_labelled_corpus(str(texts), data_dir, **columns, classes=classes)
    check_class_names(name, model, corpus)
    split = split or next(s for s in _BY_DEFAULT if s in corpus.splits)
    if split not in corpus.splits:
        raise LmcourseError(f"{corpus.name} has no {split} split, only {', '.join(corpus.splits)}")
    return corpus, split


def check_class_names(
    name: str, model: DANForSequenceClassification, corpus: LabelledCorpus
) -> None:
    """Refuse a model of other classes than those of the texts, or in another order."""
    known = model.config.class_names
    if known != list(corpus.label_names):
        raise LmcourseError(
            f"{name} knows the classes {short(', '.join(known))}, and {corpus.name} has "
            f"{short(', '.join(corpus.label_names))}"
        )
