"""The test score of a run whose other splits were scored before."""

from pathlib import Path
from typing import Any

from ..data.corpora import load_corpus
from ..data.ragged import encode_texts
from ..errors import LmcourseError
from ..evaluation.classifier_scores import classification_metrics
from ..models.families import is_classifier
from ..models.loading import load_classifier, load_language_model
from ..runs.classifier_setup import labelled_corpus
from ..runs.language_model import score_language_model
from ..runs.settings import RunSettings


def score_test_split(settings: RunSettings, folder: Path) -> dict[str, float]:
    """Score the model of a run folder on the test split, as the run scores its other splits.

    Raises:
        LmcourseError: The model or the data cannot be read.
    """
    if not folder.is_dir():
        raise LmcourseError(
            f"{folder} has gone, whose model is to be scored on the test split: put it back, or "
            "move study.json away to train again"
        )
    model: Any
    data, device = settings.data, settings.training.device
    if not is_classifier(settings.config.model_type):
        model, tokenizer = load_language_model(str(folder))
        corpus = load_corpus(data.corpus, data.data_dir)
        return score_language_model(settings, model.to(device), tokenizer, corpus, "test")
    model, tokenizer = load_classifier(str(folder))
    texts = encode_texts(labelled_corpus(data).splits["test"], tokenizer, data.cache_dir)
    return classification_metrics(model.to(device), texts)
