"""The average of several language models: a text is scored with the mean of their probabilities.

    p(x | before) = 1/M  sum over m = 1 .. M of p_m(x | before)

Reference:
    Zaremba, Sutskever and Vinyals 2014, Recurrent Neural Network Regularization, "model averaging".
"""

import math
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from ..data.content_hash import tokenizer_hash
from ..data.corpora import Corpus
from ..data.encoding import encode_split
from ..data.streams import ContiguousStreams
from ..errors import LmcourseError
from ..kernels.softmax_loss import IGNORED
from ..models.carried_states import evaluating
from ..models.loading import load_tokenizer
from ..report.quiet_libraries import quiet_libraries
from ..report.scoring_study import ScoredVariant, ScoringStudy
from .corpus_scores import StreamTotals, progress_bar, split_batches, split_metrics
from .evaluate import load_causal, text_and_split
from .token_scores import TokenScorer, score_batches, scorer_of

AVERAGE = "average of probabilities"
"""What the average is called among the models."""


@quiet_libraries()
def evaluate_average(
    models: Sequence[str],
    text: str | Path | Corpus,
    split: str | None = None,
    *,
    revision: str | None = None,
    streams: int | None = None,
    block_length: int | None = None,
    stride: int | None = None,
    data_dir: str | Path | None = None,
    cache_dir: str | Path | None = None,
) -> ScoringStudy:
    """Score every token of a text once by each of several models, and by their average.

    The models are loaded one after the other. Of each token one number is kept, the sum of its
    probabilities; no logits.

    Args:
        models: Run folders, saved models or ids on the Hub, which share their tokenizer.
        text: As all other arguments, as for `evaluate`; sizes are for each model.
        split: "train", "validation" or "test".
        revision: Branch, tag or commit of ids on the Hub.
        streams: Number of parallel streams.
        block_length: Number of tokens per forward pass.
        stride: Number of tokens that a window scores.
        data_dir: Folder of local corpora.
        cache_dir: Folder of tokenized text.

    Returns:
        The metrics of each model by its name, and those of `AVERAGE`, which have no accuracy: the
            likeliest token of the average is not known.

    Raises:
        LmcourseError: Fewer than two models, the same one twice, different tokenizers, or as for
            `evaluate`.
    """
    _check_models(models, revision)
    corpus, split = text_and_split(text, split, data_dir)
    variants: dict[str, ScoredVariant] = {}
    types: list[str] = []
    log_sum: Tensor | None = None
    for name in models:
        began = time.perf_counter()
        model, tokenizer = load_causal(name, revision)
        encoded = encode_split(corpus, split, tokenizer, cache_dir)
        scorer = scorer_of(model)
        batches = split_batches(
            scorer, encoded.tokens, tokenizer, streams, block_length, stride=stride
        )
        with evaluating(model):
            losses, hits = losses_in_order(scorer, batches, name)
        metrics = split_metrics(_totals(losses, hits), encoded, corpus, split, tokenizer)
        seconds = time.perf_counter() - began
        variants[name] = ScoredVariant(metrics, seconds, model.num_parameters())
        types.append(model.config.model_type)
        log_sum = -losses if log_sum is None else torch.logaddexp(log_sum, -losses)
    assert log_sum is not None
    totals = _totals(math.log(len(models)) - log_sum, hits)
    metrics = split_metrics(totals, encoded, corpus, split, tokenizer)
    del metrics["accuracy"]
    seconds = sum(variant.seconds for variant in variants.values())
    parameters = sum(variant.parameters for variant in variants.values())
    variants[AVERAGE] = ScoredVariant(metrics, seconds, parameters)
    kinds, name = ", ".join(dict.fromkeys(types)), average_name(models)
    return ScoringStudy(name, "model", kinds, corpus.name, split, model.device, variants)


def average_name(models: Sequence[str]) -> str:
    """What the study of an average is called."""
    return "_".join(["average", *(Path(name).name for name in models)])


def check_several(models: Sequence[str]) -> None:
    """Refuse to average a single model, or one with itself."""
    if len(models) < 2 or len(set(models)) < len(models):
        raise LmcourseError("give two models or more to average, each of them once")


def losses_in_order(scorer: TokenScorer, batches: DataLoader, title: str) -> tuple[Tensor, Tensor]:
    """The loss of each predicted token, and whether it was the likeliest, in the order of the text.

    Args:
        scorer: A model in evaluation mode.
        batches: From `split_batches`.
        title: Of the progress bar.

    Shape:
        results: (predicted tokens,), the losses in float64 and nats.
    """
    # blocks of a stream follow each other along the row, windows from row to row
    axis = int(isinstance(batches.dataset, ContiguousStreams))
    columns: tuple[list[Tensor], ...] = ([], [], [])
    with progress_bar(batches, title, True) as bar:
        for losses, right, targets in score_batches(scorer, batches):
            for column, values in zip(columns, (losses, right, targets != IGNORED), strict=True):
                column.append(values.cpu())
            bar.update()
    losses, right, predicted = (torch.cat(column, axis) for column in columns)
    return losses[predicted], right[predicted]


def _totals(losses: Tensor, hits: Tensor) -> StreamTotals:
    return StreamTotals(losses.sum().item(), int(hits.sum()), len(losses))


def _check_models(models: Sequence[str], revision: str | None) -> None:
    """Refuse models whose probabilities are not of the same tokens, before any is scored."""
    check_several(models)
    first, *others = [tokenizer_hash(load_tokenizer(name, revision)) for name in models]
    for name, other in zip(models[1:], others, strict=True):
        if other != first:
            raise LmcourseError(
                f"{name} has another tokenizer than {models[0]}: only probabilities of the same "
                "tokens can be averaged"
            )
