"""The context that a model has for each token of a text, and the batches that provide it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import DataLoader

from ..data.windows import TokenWindows
from ..errors import LmcourseError
from ..evaluation.corpus_scores import WINDOW_WITHOUT_LIMIT, scoring_data
from ..evaluation.token_scores import TokenScorer
from ..models.carried_states import longest_context

_LOGITS_AT_ONCE = 1 << 25
_WINDOWS_AT_ONCE = 16


@dataclass(frozen=True)
class Context:
    """Context of the predictions of a model.

    Attributes:
        kind: "state", carried along the whole text; "n-gram", a fixed number of tokens; "window".
        longest: Longest context in tokens, including the start token; the whole text for a state.
        least: Shortest context in tokens, except at the beginning of the text.
        stride: Tokens that a window scores; 0 if there are no windows.
        mean: Mean context in tokens over the text.
    """

    kind: str
    longest: int
    least: int
    stride: int
    mean: float

    def __str__(self) -> str:
        if self.kind == "state":
            return "all earlier tokens, as carried state"
        if self.kind == "n-gram":
            return f"the last {self.longest:,} tokens" if self.longest > 1 else "the last token"
        if self.stride == self.longest:
            return f"windows of {self.longest:,} tokens without overlap"
        return f"{self.least:,} to {self.longest:,} tokens, in windows"


def context_of(
    model: TokenScorer, predicted: int, block_length: int | None, stride: int | None
) -> Context:
    """Return the context of a model in a text with a number of predicted tokens.

    Args:
        model: What scores the text.
        predicted: Number of predicted tokens.
        block_length: Tokens of a window; the model's longest context by default.
        stride: Tokens that a window scores; half of it by default.

    Raises:
        LmcourseError: A window longer than the model's context, or a stride that does not fit.
    """
    if model.carries_state:
        words = _n_gram(model)
        if words is None:
            return Context("state", predicted, predicted, 0, (predicted + 1) / 2)
        growing = min(predicted, words)
        mean = (growing * (growing + 1) / 2 + (predicted - growing) * words) / predicted
        return Context("n-gram", words, words, 0, mean)
    window = _window(model, block_length)
    stride = max(1, window // 2) if stride is None else stride
    if not 1 <= stride <= window:
        raise LmcourseError(
            f"a stride of {stride} does not fit windows of {window} tokens: give 1 to {window}"
        )
    mean = (predicted + 1) / 2 - stride * _windows_before(predicted - window, stride) / predicted
    return Context("window", window, window - stride + 1, stride, mean)


def _windows_before(tokens: int, stride: int) -> int:
    """The sum of ceil(t / stride) for t from 1 to a number of tokens.

    A token beyond the first window is scored by that window after it.
    """
    full, rest = divmod(max(0, tokens), stride)
    return stride * full * (full + 1) // 2 + rest * (full + 1)


def text_batches(
    model: TokenScorer,
    ids: NDArray[np.integer],
    start: int | None,
    context: Context,
    context_only: int | None = None,
) -> DataLoader:
    """Make batches in which every token of a text is a label once, in order.

    Args:
        model: What scores the text.
        ids: Token ids of the text.
        start: The token before the first one; without it the first one is only context.
        context: From `context_of`.
        context_only: A token that is an input and never a label.
    """
    if model.carries_state:
        return DataLoader(
            scoring_data(model, ids, 1, start, context_only=context_only), batch_size=1
        )
    window = min(context.longest, len(ids) - (start is None))
    rows = max(1, min(_WINDOWS_AT_ONCE, _LOGITS_AT_ONCE // (window * model.config.vocab_size)))
    windows = TokenWindows(
        ids, window, min(context.stride, window), rows, start, context_only=context_only
    )
    return DataLoader(windows, batch_size=rows)


def _n_gram(model: TokenScorer) -> int | None:
    """Context of an n-gram model in tokens; `None` for a recurrent model."""
    if model.config.model_type == "lmcourse_bigram_mlp":
        return 1
    return getattr(model.config, "context_size", None)


def _window(model: TokenScorer, wanted: int | None) -> int:
    longest = longest_context(model.config)
    window = wanted or longest or WINDOW_WITHOUT_LIMIT
    if window < 1 or longest is not None and window > longest:
        raise LmcourseError(
            f"the model reads {longest or 'any number of'} tokens: a window (block_length) of "
            f"{window} does not fit"
        )
    return window
