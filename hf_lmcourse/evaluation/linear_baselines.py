"""Linear baselines for text classification: bags of words and word pairs."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.svm import LinearSVC

from ..data.labelled import LabelledCorpus
from ..errors import LmcourseError
from ..tokenization import WordPunctuationTokenizer


class LogCountRatio(BaseEstimator, TransformerMixin):
    """Scale each feature by how much more often it occurs in one class than in the other.

        p = alpha + sum over texts of class 1 of f        q = the same of class 0
        r = log((p / ||p||_1) / (q / ||q||_1))            f <- r * f

    Args:
        alpha: Smoothing count.

    Reference:
        Wang and Manning 2012, Baselines and bigrams: simple, good sentiment and topic
        classification.
    """

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha

    def fit(self, X: sparse.csr_matrix, y: Sequence[int]) -> "LogCountRatio":
        """Count the features of each of two classes.

        Raises:
            ValueError: There are not two classes.
        """
        labels = np.asarray(y)
        if len(np.unique(labels)) != 2:
            raise ValueError("the log-count ratio is about two classes")
        shares = []
        for label in (labels.max(), labels.min()):
            counts = self.alpha + np.asarray(X[labels == label].sum(axis=0)).ravel()
            shares.append(np.log(counts / counts.sum()))
        self.r_ = shares[0] - shares[1]
        return self

    def transform(self, X: sparse.csr_matrix) -> sparse.csr_matrix:
        """Multiply each column by its ratio."""
        return X.multiply(self.r_).tocsr()


@dataclass(frozen=True)
class BaselineScore:
    """Result of a baseline.

    Attributes:
        accuracy: Accuracy by split, without the training split.
        parameters: Number of weights and biases.
        strength: The C that was best on validation.
        seconds: Duration of the fits.
    """

    accuracy: dict[str, float]
    parameters: int
    strength: float
    seconds: float


def _features() -> dict[str, Any]:
    """Return settings that count words and pairs of them, tokenized as for the networks."""
    backend = WordPunctuationTokenizer.train([""]).backend_tokenizer
    normalise, split = backend.normalizer.normalize_str, backend.pre_tokenizer.pre_tokenize_str
    return {
        "tokenizer": lambda text: [word for word, _ in split(normalise(text))],
        "token_pattern": None,
        "lowercase": False,
        "ngram_range": (1, 2),
        "min_df": 2,
    }


def _tfidf_logistic_regression(seed: int) -> Pipeline:
    """Words and pairs weighted by tf-idf, and logistic regression."""
    features = TfidfVectorizer(sublinear_tf=True, **_features())
    return Pipeline([("features", features), ("classifier", LogisticRegression(max_iter=1000))])


def _nb_svm(seed: int) -> Pipeline:
    """Whether words and pairs occur, weighted by their log-count ratio, and a linear SVM."""
    return Pipeline(
        [
            ("features", CountVectorizer(binary=True, **_features())),
            ("ratio", LogCountRatio()),
            ("classifier", LinearSVC(random_state=seed)),
        ]
    )


BASELINES: dict[str, Callable[[int], Pipeline]] = {
    "tfidf_logistic_regression": _tfidf_logistic_regression,
    "nb_svm": _nb_svm,
}
"""By name: function from a seed to a classifier of texts."""

_STRENGTHS = {
    "tfidf_logistic_regression": (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0),
    "nb_svm": (0.001, 0.003, 0.01, 0.03, 0.1, 0.3),
}
"""Values of scikit-learn's C, the inverse of the regularisation, that validation picks from."""


def _fitted(step: Any, rows: Any, labels: Sequence[int]) -> Any:
    """Fit a step on the training texts and transform them."""
    try:
        return step.fit_transform(rows, labels)
    except ValueError as error:
        if not isinstance(step, CountVectorizer):
            raise
        raise LmcourseError(
            "no word occurs in two of the training texts: the baselines need more texts"
        ) from error


def score_baseline(name: str, corpus: LabelledCorpus, seed: int = 42) -> BaselineScore:
    """Fit a baseline on the training texts; validation picks its regularisation.

    Args:
        name: A key of `BASELINES`.
        corpus: Labelled texts.
        seed: Seed of the optimiser.

    Raises:
        ValueError: NB-SVM with another number of classes than two.
        LmcourseError: No word occurs in two texts.
    """
    began = time.perf_counter()
    pipeline = BASELINES[name](seed)
    *transformers, (_, classifier) = pipeline.steps
    features: dict[str, Any] = {}
    for split, part in corpus.splits.items():
        rows: Any = part.texts
        for _, step in transformers:
            rows = _fitted(step, rows, part.labels) if split == "train" else step.transform(rows)
        features[split] = rows
    best: tuple[float, float, Any] = (-1.0, 0.0, None)
    validation = corpus.splits["validation"].labels
    for strength in _STRENGTHS[name]:
        fitted = BASELINES[name](seed).named_steps["classifier"].set_params(C=strength)
        fitted.fit(features["train"], corpus.splits["train"].labels)
        accuracy = float(fitted.score(features["validation"], validation))
        if accuracy > best[0]:
            best = (accuracy, strength, fitted)
    _, strength, classifier = best
    seconds = time.perf_counter() - began
    return BaselineScore(
        accuracy={
            split: float(classifier.score(features[split], part.labels))
            for split, part in corpus.splits.items()
            if split != "train"
        },
        parameters=classifier.coef_.size + classifier.intercept_.size,
        strength=strength,
        seconds=seconds,
    )
