"""Score a language model on contiguous streams: sums, never logits."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import DataLoader
from tqdm.auto import tqdm
from transformers import PreTrainedTokenizerBase
from transformers.cache_utils import Cache

from ..data.corpora import Corpus
from ..data.encoding import EncodedSplit, encode_split
from ..data.streams import ContiguousStreams, line_end_token_id
from ..layers.output import IGNORED
from ..metrics import load_metric
from ..models.causal_lm import LanguageModelForCausalLM

__all__ = [
    "StreamTotals",
    "corpus_metrics",
    "evaluate_split",
    "score_streams",
    "text_counts",
]


@dataclass
class StreamTotals:
    """What scoring a corpus adds up to.

    Attributes:
        nats: summed negative log-likelihood.
        hits: how many tokens were the likeliest one.
        tokens: how many tokens were predicted.
    """

    nats: float = 0.0
    hits: int = 0
    tokens: int = 0

    def as_tensor(self, device: torch.device) -> Tensor:
        """The three numbers in one row, to gather them from several processes.

        Shape:
            (1, 3), float64.
        """
        row = [self.nats, self.hits, self.tokens]
        return torch.tensor([row], dtype=torch.float64, device=device)

    @staticmethod
    def from_rows(rows: Tensor) -> list["StreamTotals"]:
        """One `StreamTotals` a gathered row.

        Shape:
            rows: (processes, 3).
        """
        return [StreamTotals(nats, int(hits), int(tokens)) for nats, hits, tokens in rows.tolist()]


@torch.no_grad()
def score_streams(
    model: LanguageModelForCausalLM,
    batches: Iterable[dict[str, Tensor]],
    after_batch: Callable[[], object] = lambda: None,
) -> StreamTotals:
    """Score time-aligned batches of streams, carrying the state from one to the next.

    Args:
        model: a model in evaluation mode.
        batches: `input_ids` and `shift_labels`, (streams, block_length) each.
        after_batch: called after each batch, for progress.

    Returns:
        The sums over every label that is not -100.
    """
    state: Cache | None = None
    nats = torch.zeros((), dtype=torch.float64, device=model.device)
    hits, tokens = (torch.zeros((), dtype=torch.long, device=model.device) for _ in range(2))
    for batch in batches:
        inputs, targets = batch["input_ids"], batch["shift_labels"]
        losses, right, state = model.score_tokens(
            inputs.to(model.device), targets.to(model.device), state
        )
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
) -> dict[str, float]:
    """Perplexity in all its units and accuracy, through the package's `evaluate` modules.

    Args:
        totals: the sums of every process.
        characters: characters of the scored text, where they are known.
        num_bytes: its bytes in UTF-8.
        words: its words and line ends.

    Returns:
        `perplexity`, `nats_per_token`, `bits_per_token`, `tokens`, `accuracy`, and what the counts
        allow of `bits_per_character`, `bits_per_byte` and `word_perplexity`.
    """
    perplexity = load_metric("corpus_perplexity", keep_in_memory=True)
    perplexity.add_batch(
        predictions=[t.nats for t in totals], references=[t.tokens for t in totals]
    )
    accuracy = load_metric("token_accuracy", keep_in_memory=True)
    accuracy.add_batch(predictions=[t.hits for t in totals], references=[t.tokens for t in totals])
    units = {"characters": characters, "bytes": num_bytes, "words": words}
    return perplexity.compute(**units) | accuracy.compute()


def text_counts(split: EncodedSplit) -> dict[str, int]:
    """The counts of a text that bits per character and the like are made from."""
    return {"characters": split.characters, "num_bytes": split.bytes, "words": split.words}


def evaluate_split(
    model: LanguageModelForCausalLM,
    tokenizer: PreTrainedTokenizerBase,
    corpus: Corpus,
    split: str,
    streams: int = 1,
    block_length: int = 512,
    cache_dir: str | Path | None = None,
    progress: bool = False,
) -> dict[str, float]:
    """Score every token of a split once, given all the text before it.

    Args:
        model: the model.
        tokenizer: its tokenizer.
        corpus: where the split is from.
        split: "train", "validation" or "test".
        streams: parallel pieces the text is cut into; 1 leaves it whole.
        block_length: tokens of one forward pass; the state is carried between them.
        cache_dir: folder of tokenized text.
        progress: show a progress bar where there is a terminal.

    Returns:
        The figures of `corpus_metrics`, and `unknown_share`, the share of unknown tokens.

    Raises:
        LmcourseError: the corpus has no such split.
    """
    encoded = encode_split(corpus, split, tokenizer, cache_dir)
    dataset = ContiguousStreams(
        encoded.tokens, streams, block_length, first_context=line_end_token_id(tokenizer)
    )
    batches = DataLoader(dataset, batch_size=streams)
    was_training = model.training
    model.eval()
    hidden = None if progress else True  # `None` leaves it to whether there is a terminal
    with tqdm(total=len(batches), desc=split, disable=hidden, leave=False) as bar:
        totals = score_streams(model, batches, bar.update)
    model.train(was_training)
    metrics = corpus_metrics([totals], **text_counts(encoded))
    return metrics | {"unknown_share": encoded.unknown / max(1, len(encoded.tokens))}
