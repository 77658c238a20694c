"""Contiguous streams for truncated backpropagation through time with carried state."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from ..errors import LmcourseError
from .predicted_tokens import PredictedTokens
from .streamed_tokens import StreamedTokens


class ContiguousStreams(PredictedTokens):
    """A corpus cut into parallel streams, and the streams into blocks.

    With S streams, item i is block i // S of stream i % S. Read in order with batches of S items,
    row s of every batch continues row s of the batch before. With P processes of batch
    size S / P, accelerate gives process p the batches p, p + P, ...: its own S / P streams.

    Every token is predicted exactly once. Streams differ in length by one token at most, and the
    first input of a stream is the last token of the stream before it. All blocks have the same
    length: if a stream ends early, labels of -100 fill up the last block, and nowhere else.

    Labels are shifted; see `PredictedTokens`.

    Args:
        tokens: The corpus as token ids.
        num_streams: S, over all processes.
        block_length: Tokens between two cuts of backpropagation.
        first_context: See `PredictedTokens`.
        random_offset: Begin each epoch at another position of the corpus, which continues at its
            start after its end, so that the cuts move; see `set_epoch`. This costs no label: the
            first token of the corpus is always predicted from `first_context`.
        seed: Of the offsets.
        context_only: See `PredictedTokens`.

    Raises:
        LmcourseError: Fewer tokens than streams, or no stream or no token in a block.

    Shape:
        item: `input_ids`, `labels`, `shift_labels`: (block_length,), int64.

    Reference:
        Zaremba, Sutskever and Vinyals 2014, "Recurrent Neural Network Regularization" (streams);
        Merity, Keskar and Socher 2018, "Regularizing and Optimizing LSTM Language Models" (why the
        cuts should move; there by blocks of random length).
    """

    def __init__(
        self,
        tokens: NDArray[np.integer] | StreamedTokens,
        num_streams: int,
        block_length: int,
        first_context: int | None = None,
        random_offset: bool = False,
        seed: int = 0,
        context_only: int | None = None,
    ) -> None:
        super().__init__(tokens, first_context, context_only)
        self.num_streams = num_streams
        self.block_length = block_length
        self.random_offset = random_offset
        self.seed = seed
        self.offset = 0
        if num_streams < 1 or block_length < 1:
            raise LmcourseError(
                f"{num_streams} streams in blocks of {block_length} tokens: both must be at least 1"
            )
        if self.num_positions < num_streams:
            raise LmcourseError(
                f"the text has {len(tokens):,} tokens, too few for {num_streams:,} parallel "
                "streams: lower the batch size or give more text"
            )
        shortest, self._longer_streams = divmod(self.num_positions, num_streams)
        self._shortest_stream = shortest
        self.num_blocks = -(-(shortest + (self._longer_streams > 0)) // block_length)

    def set_epoch(self, epoch: int) -> None:
        """Draw this epoch's offset from the seed and the epoch alone, if offsets are random.

        The data loaders of accelerate, and so Trainer, call this at the start of each epoch.
        """
        if self.random_offset:
            rng = np.random.default_rng([self.seed, epoch])
            self.offset = int(rng.integers(self.num_positions))

    def __len__(self) -> int:
        return self.num_blocks * self.num_streams

    def __getitems__(self, indices: Sequence[int]) -> list[dict[str, Tensor]]:
        """Several items at once, as DataLoader asks for them."""
        self.check_indices(indices)
        block, stream = np.divmod(np.asarray(indices, np.int64)[:, None], self.num_streams)
        within = block * self.block_length + np.arange(self.block_length)
        return self.stream_items(stream, within)

    def stream_items(
        self, stream: NDArray[np.int64], within: NDArray[np.int64]
    ) -> list[dict[str, Tensor]]:
        """One item per row of positions within streams.

        Shape:
            stream: (items, 1); within: (items, length) or (1, length).
        """
        start = stream * self._shortest_stream + np.minimum(stream, self._longer_streams)
        inside = within < self._shortest_stream + (stream < self._longer_streams)
        positions = (start + within + self.offset) % self.num_positions
        return self.items(positions, inside)


def line_end_token_id(tokenizer: PreTrainedTokenizerBase) -> int | None:
    """The token that ends a line, and precedes a text.

    Returns:
        The id of the end-of-sentence token, else that of a line break, else `None`.
    """
    if tokenizer.eos_token_id is not None:
        return tokenizer.eos_token_id
    return tokenizer.get_vocab().get("\n")


def context_tokens(tokenizer: PreTrainedTokenizerBase) -> dict[str, int | None]:
    """The special tokens that are read as context, as arguments of `PredictedTokens`.

    Returns:
        `first_context`, the line end, which precedes a text; and `context_only`, a BOS token of its
        own, if the tokenizer has one: it is never predicted.
    """
    line_end, start = line_end_token_id(tokenizer), tokenizer.bos_token_id
    return {"first_context": line_end, "context_only": None if start == line_end else start}


def first_token_id(tokenizer: PreTrainedTokenizerBase) -> int | None:
    """The token that generation begins with if there is no prompt.

    Returns:
        The id of the BOS token, else that of the line end, else `None`.
    """
    start = tokenizer.bos_token_id
    return line_end_token_id(tokenizer) if start is None else start


def prompt_token_ids(tokenizer: PreTrainedTokenizerBase, prompt: str) -> Tensor:
    """A prompt as tokens, without its last line end if that stops: see `stop_token_id`.

    Shape:
        (1, length)
    """
    ids = tokenizer(prompt, return_tensors="pt")["input_ids"].long()
    return ids[:, :-1] if ids.shape[1] and ids[0, -1] == stop_token_id(tokenizer) else ids


def stop_token_id(tokenizer: PreTrainedTokenizerBase) -> int:
    """The token that ends generation; -1 for none.

    Generation goes on after a line end, unless a BOS token follows it, which no model predicts.
    """
    special = context_tokens(tokenizer)
    line_end = special["first_context"]
    return -1 if special["context_only"] is None or line_end is None else line_end


def unprinted_token_ids(tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """The special tokens that no sample should show: all but the line end.

    A sample is drawn without them, as `suppress_tokens` of `generate`: unknown words, padding and
    BOS tokens are parts of the training data, not of a text.
    """
    return sorted(set(tokenizer.all_special_ids) - {line_end_token_id(tokenizer)})
