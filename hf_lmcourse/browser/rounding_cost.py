"""What the rounding of the weights costs on a validation split."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch.utils.data import DataLoader
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from ..data.corpora import load_corpus
from ..data.encoding import encode_split
from ..data.ragged import encode_texts
from ..data.streams import context_tokens
from ..errors import LmcourseError
from ..evaluation.classifier_scores import classification_metrics
from ..evaluation.corpus_scores import score_streams, scoring_data
from ..evaluation.evaluate_classifiers import labelled_texts
from ..evaluation.token_scores import scorer_of
from ..models.dan import DANForSequenceClassification
from .weight_rounding import Rounding, rounded_model

_TOKENS = 16_384
_TEXTS = 1_000
"""At most so much of the split is scored, from its beginning."""

_DIGITS = 5


@dataclass(frozen=True)
class RoundingCost:
    """Cross-entropy before and after rounding.

    Attributes:
        corpus: Name of the corpus.
        scored: What was scored: "16,384 tokens" or "1,000 texts".
        trained: With the weights as they are, in nats per token or per text.
        rounded: With the rounded weights.
    """

    corpus: str
    scored: str
    trained: float
    rounded: float

    def __str__(self) -> str:
        unit = self.scored.rpartition(" ")[2].removesuffix("s")
        cost = round(self.rounded - self.trained, _DIGITS) + 0.0  # which makes -0.0 a plain zero
        return (
            f"Rounding costs {cost:.{_DIGITS}f} nats per {unit} on the first "
            f"{self.scored} of the validation split of {self.corpus}: {self.trained:.5f} with the "
            f"weights as trained, {self.rounded:.5f} with those of this page."
        )


def rounding_cost(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    rounding: Rounding,
    corpus: str,
    data_dir: str | Path | None = None,
) -> RoundingCost:
    """Score a model on the beginning of a validation split, as it is and with rounded weights.

    Args:
        model: A model of the package, in evaluation mode.
        tokenizer: Its tokenizer.
        rounding: How the weights are rounded.
        corpus: A corpus by name or path, for a classifier one of labelled texts.
        data_dir: Folder of local corpora.

    Raises:
        LmcourseError: There is no such corpus, or it has no validation split or other classes.
    """
    rounded: Any = rounded_model(model, rounding)
    models = model, rounded.to(model.device)
    if isinstance(model, DANForSequenceClassification):
        labelled, _ = labelled_texts("the model", model, corpus, "validation", data_dir=data_dir)
        texts = labelled.splits["validation"]
        texts = texts.take(list(range(min(len(texts), _TEXTS))))
        encoded = encode_texts(texts, tokenizer)
        costs = [classification_metrics(m, encoded)["cross_entropy"] for m in models]  # type: ignore[arg-type]
        return RoundingCost(labelled.name, f"{len(texts):,} texts", *costs)
    loaded = load_corpus(corpus, data_dir)
    tokens = encode_split(loaded, "validation", tokenizer).tokens[:_TOKENS]
    if not len(tokens):
        raise LmcourseError(f"the validation split of {loaded.name} is empty")
    costs, predicted = [], 0
    for each in models:
        scorer = scorer_of(each)
        data = scoring_data(scorer, tokens, 1, **context_tokens(tokenizer))
        totals = score_streams(scorer, DataLoader(data, batch_size=1))
        costs.append(totals.nats / totals.tokens)
        predicted = totals.tokens
    return RoundingCost(loaded.name, f"{predicted:,} tokens", *costs)
