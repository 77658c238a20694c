"""What a model looks at as it predicts a token of a passage, and the passage cut accordingly."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import DataLoader
from transformers import PreTrainedModel

from ..data.windows import TokenWindows
from ..errors import LmcourseError
from ..evaluation.corpus_scores import scoring_data
from ..models.causal_lm import LanguageModelForCausalLM

__all__ = ["Context", "context_of", "passage_data"]

_WINDOW_WITHOUT_LIMIT = 2048
"""Tokens of a window for a model that names no longest context."""

_LOGITS_AT_ONCE = 1 << 25
_WINDOWS_AT_ONCE = 16


@dataclass(frozen=True)
class Context:
    """What a prediction looks at.

    Attributes:
        kind: "state", carried along the whole passage; "n-gram", the last so many tokens; "window".
        longest: most tokens that a prediction looks at, the start token among them; of a state the
            whole passage.
        least: tokens that every prediction looks at, but for those before which there are fewer.
        stride: tokens that a window scores; 0 where there are no windows.
        mean: tokens that a prediction looked at, averaged over the passage.
    """

    kind: str
    longest: int
    least: int
    stride: int
    mean: float

    def __str__(self) -> str:
        if self.kind == "state":
            return "all before, as carried state"
        if self.kind == "n-gram":
            return f"the last {self.longest:,}" if self.longest > 1 else "the last one"
        if self.stride == self.longest:
            return f"windows of {self.longest:,}, cut without overlap"
        return f"{self.least:,} to {self.longest:,}, in windows"


def context_of(
    model: PreTrainedModel, predicted: int, block_length: int | None, stride: int | None
) -> Context:
    """What predictions of a model look at in a passage of so many predicted tokens.

    Args:
        model: any causal language model.
        predicted: how many tokens are predicted.
        block_length: tokens of a window; the model's longest context by default.
        stride: tokens that a window scores; half of it by default.

    Raises:
        LmcourseError: a window longer than the model's context, or a stride that does not fit.
    """
    position = np.arange(predicted)
    if isinstance(model, LanguageModelForCausalLM) and model.carries_state:
        words = _n_gram(model)
        if words is None:
            return Context("state", predicted, predicted, 0, float((position + 1).mean()))
        mean = float(np.minimum(position + 1, words).mean())
        return Context("n-gram", words, words, 0, mean)
    window = _window(model, block_length)
    stride = max(1, window // 2) if stride is None else stride
    if not 1 <= stride <= window:
        raise LmcourseError(
            f"a stride of {stride} does not fit windows of {window} tokens: give 1 to {window}"
        )
    number = np.maximum(0, -(-(position + 1 - window) // stride))  # of the window that scores it
    mean = float((position + 1 - number * stride).mean())
    return Context("window", window, window - stride + 1, stride, mean)


def passage_data(
    model: PreTrainedModel,
    ids: NDArray[np.int64],
    start: int | None,
    context: Context,
    context_only: int | None = None,
) -> DataLoader:
    """Batches in which every token of a passage has a label once, in the order of the text.

    Args:
        model: any causal language model.
        ids: the passage.
        start: the token before the first one; without it the first one is context only.
        context: from `context_of`.
        context_only: a token that is read and never predicted.
    """
    if isinstance(model, LanguageModelForCausalLM) and model.carries_state:
        return DataLoader(
            scoring_data(model, ids, 1, start, context_only=context_only), batch_size=1
        )
    window = min(context.longest, len(ids) - (start is None))
    rows = max(1, min(_WINDOWS_AT_ONCE, _LOGITS_AT_ONCE // (window * model.config.vocab_size)))
    windows = TokenWindows(
        ids, window, min(context.stride, window), rows, start, context_only=context_only
    )
    return DataLoader(windows, batch_size=rows)


def _n_gram(model: LanguageModelForCausalLM) -> int | None:
    """How many tokens an n-gram model looks at; `None` for a recurrent one."""
    if model.config.model_type == "lmcourse_bigram_mlp":
        return 1
    return getattr(model.config, "context_size", None)


def _window(model: PreTrainedModel, wanted: int | None) -> int:
    longest = getattr(model.config, "max_position_embeddings", None)
    if not isinstance(longest, int) or longest < 1:
        longest = None
    window = wanted or longest or _WINDOW_WITHOUT_LIMIT
    if window < 1 or longest is not None and window > longest:
        raise LmcourseError(
            f"the model looks at {longest or 'any number of'} tokens: a window (block_length) of "
            f"{window} does not fit"
        )
    return window
