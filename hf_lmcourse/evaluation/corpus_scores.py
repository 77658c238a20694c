"""Score a language model on a whole text: sums, never logits."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader
from tqdm.auto import tqdm
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from ..data.corpus import Corpus
from ..data.encoding import EncodedSplit, encode_split
from ..data.predicted_tokens import PredictedTokens
from ..data.streams import ContiguousStreams, context_tokens
from ..data.windows import TokenWindows
from ..errors import LmcourseError
from ..kernels.softmax_loss import IGNORED
from ..metrics import load_metric
from ..models.carried_states import evaluating, longest_context
from .spelling import with_unknown_spelled
from .token_scores import TokenScorer, score_batches, scorer_of

_STREAM_BLOCK = 512
_WINDOWS_AT_ONCE = 16
"""Tokens, or windows, of one forward pass by default."""

WINDOW_WITHOUT_LIMIT = 2048
"""Tokens of a window for a model without `max_position_embeddings`."""


@dataclass
class StreamTotals:
    """Sums over the tokens of a corpus.

    Attributes:
        nats: Summed negative log-likelihood.
        hits: Number of tokens that were the most likely one.
        tokens: Number of predicted tokens.
    """

    nats: float = 0.0
    hits: int = 0
    tokens: int = 0

    def as_tensor(self, device: torch.device) -> Tensor:
        """Convert to one row, to gather it from several processes.

        Shape:
            (1, 3), float64.
        """
        row = [self.nats, self.hits, self.tokens]
        return torch.tensor([row], dtype=torch.float64, device=device)

    @staticmethod
    def from_rows(rows: Tensor) -> list["StreamTotals"]:
        """Make one `StreamTotals` per gathered row.

        Shape:
            rows: (processes, 3).
        """
        return [StreamTotals(nats, int(hits), int(tokens)) for nats, hits, tokens in rows.tolist()]


def score_streams(
    model: TokenScorer,
    batches: Iterable[dict[str, Tensor]],
    after_batch: Callable[[], object] = lambda: None,
    temperature: float = 1.0,
) -> StreamTotals:
    """Sum the losses and hits of `score_batches` over every label that is not -100.

    Args:
        model: A model in evaluation mode.
        batches: `input_ids` and `shift_labels`, (rows, length) each.
        after_batch: Called after each batch, for progress.
        temperature: Of the softmax.
    """
    nats = torch.zeros((), dtype=torch.float64, device=model.device)
    hits, tokens = (torch.zeros((), dtype=torch.long, device=model.device) for _ in range(2))
    for losses, right, targets in score_batches(model, batches, temperature):
        nats += losses.sum()
        hits += right.sum()
        tokens += (targets != IGNORED).sum()
        after_batch()
    return StreamTotals(nats.item(), int(hits.item()), int(tokens.item()))


def corpus_metrics(
    totals: list[StreamTotals],
    characters: int | None = None,
    num_bytes: int | None = None,
    words: int | None = None,
    unknown: int | None = None,
) -> dict[str, float]:
    """Compute perplexity in all its units and accuracy with the package's `evaluate` metrics.

    Args:
        totals: The sums of every process.
        characters: Number of characters of the scored text, if known.
        num_bytes: Number of its bytes in UTF-8.
        words: Number of its words and line ends.
        unknown: Number of its unknown tokens.

    Returns:
        `perplexity`, `nats_per_token`, `bits_per_token`, `tokens`, `accuracy`, and for each given
        count `bits_per_character`, `bits_per_byte`, `word_perplexity` or `unknown_share`, the share
        of unknown tokens among the predicted ones.
    """
    perplexity = load_metric("corpus_perplexity", keep_in_memory=True)
    perplexity.add_batch(
        predictions=[t.nats for t in totals], references=[t.tokens for t in totals]
    )
    accuracy = load_metric("token_accuracy", keep_in_memory=True)
    accuracy.add_batch(predictions=[t.hits for t in totals], references=[t.tokens for t in totals])
    units = {"characters": characters, "bytes": num_bytes, "words": words}
    metrics: dict[str, float] = perplexity.compute(**units) | accuracy.compute()
    if unknown is not None:
        metrics["unknown_share"] = unknown / max(1, metrics["tokens"])
    return metrics


def text_counts(split: EncodedSplit) -> dict[str, int]:
    """Return the counts of a split as arguments of `corpus_metrics`."""
    return {
        "characters": split.characters,
        "num_bytes": split.bytes,
        "words": split.words,
        "unknown": split.unknown,
    }


def scoring_data(
    model: TokenScorer,
    tokens: NDArray[np.integer],
    rows: int,
    first_context: int | None,
    block_length: int | None = None,
    stride: int | None = None,
    context_only: int | None = None,
) -> PredictedTokens:
    """Make the dataset to score a model on a text, in which every token is a label once.

    Args:
        model: What is to be scored; it gets streams if it carries its state, else overlapping
            windows.
        tokens: Token ids of the text.
        rows: Streams or windows of a batch, over all processes.
        first_context: The token before the first one.
        block_length: Tokens of one forward pass. For windows at most the longest context, which is
            the default, or 2,048 if there is no limit.
        stride: Tokens that a window scores, with the others as context; half of it by default.
        context_only: A token that is an input and never a label.

    Raises:
        LmcourseError: Sizes that do not fit the text or the model.
    """
    if model.carries_state:
        if stride is not None:
            raise LmcourseError(
                f"{model.config.model_type} carries its state along the whole text: a stride is "
                "for models that read windows"
            )
        length = min(_STREAM_BLOCK, longest_context(model.config) or _STREAM_BLOCK)
        length = length if block_length is None else block_length
        return ContiguousStreams(tokens, rows, length, first_context, context_only=context_only)
    longest = longest_context(model.config)
    window = longest or WINDOW_WITHOUT_LIMIT if block_length is None else block_length
    if longest is not None and window > longest:
        raise LmcourseError(
            f"the model reads {longest} tokens at most: block_length {window} is too long"
        )
    stride = max(1, window // 2) if stride is None else stride
    return TokenWindows(tokens, window, stride, rows, first_context, context_only=context_only)


def evaluate_split(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    corpus: Corpus,
    split: str,
    streams: int | None = None,
    block_length: int | None = None,
    stride: int | None = None,
    cache_dir: str | Path | None = None,
    progress: bool = False,
) -> dict[str, float]:
    """Score every token of a split once, given the text before it that the model reads.

    Args:
        model: Any causal language model.
        tokenizer: Its tokenizer.
        corpus: The corpus.
        split: "train", "validation" or "test".
        streams: Number of parallel streams that the text is cut into, by default 1; for a model
            that reads windows, the batch size.
        block_length: Tokens of one forward pass; the state is carried between them.
        stride: Tokens that a window scores; see `scoring_data`.
        cache_dir: Folder of tokenized text.
        progress: Show a progress bar in a terminal.

    Returns:
        The metrics of `corpus_metrics`, and `bits_per_character_spelled`, with the bits of spelling
        the unknown words, if the text shows which they are (see `spelling`).

    Raises:
        LmcourseError: The corpus has no such split, or the sizes do not fit.
    """
    encoded = encode_split(corpus, split, tokenizer, cache_dir)
    scorer = scorer_of(model)
    batches = split_batches(scorer, encoded.tokens, tokenizer, streams, block_length, stride)
    with evaluating(model), progress_bar(batches, split, progress) as bar:
        totals = score_streams(scorer, batches, bar.update)
    return split_metrics(totals, encoded, corpus, split, tokenizer)


def split_batches(
    scorer: TokenScorer,
    tokens: NDArray[np.integer],
    tokenizer: PreTrainedTokenizerBase,
    streams: int | None = None,
    block_length: int | None = None,
    stride: int | None = None,
) -> DataLoader:
    """The batches of `scoring_data`, by default of one stream; see `evaluate_split`."""
    rows = streams
    if rows is None:
        rows = 1 if scorer.carries_state else _WINDOWS_AT_ONCE
    special = context_tokens(tokenizer)
    data = scoring_data(scorer, tokens, rows, block_length=block_length, stride=stride, **special)
    return DataLoader(data, batch_size=rows)


def progress_bar(batches: DataLoader, title: str, shown: bool) -> tqdm:
    """A progress bar over batches, if it is wanted and there is a terminal."""
    hidden = None if shown else True  # `None` leaves it to whether there is a terminal
    return tqdm(total=len(batches), desc=title, disable=hidden, leave=False)


def split_metrics(
    totals: StreamTotals,
    encoded: EncodedSplit,
    corpus: Corpus,
    split: str,
    tokenizer: PreTrainedTokenizerBase,
) -> dict[str, float]:
    """The metrics of `evaluate_split` from the sums over a split."""
    metrics = corpus_metrics([totals], **text_counts(encoded))
    return metrics | with_unknown_spelled(
        metrics["bits_per_character"],
        corpus.pieces(split),
        encoded.characters,
        tokenizer,
        encoded.unknown,
    )
