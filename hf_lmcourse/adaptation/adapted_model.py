"""Perplexity of models that adapt to the text they are scored on."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerBase

from ..data.corpus import Corpus
from ..data.encoding import EncodedSplit, encode_split
from ..evaluation.corpus_scores import (
    corpus_metrics,
    progress_bar,
    score_streams,
    split_batches,
    text_counts,
)
from ..models.causal_lm import LanguageModelForCausalLM
from .continuous_cache import (
    CacheSettings,
    HiddenStream,
    hidden_stream,
    score_with_cache,
    tune_cache,
)
from .dynamic_evaluation import (
    DynamicSettings,
    gradient_statistics,
    score_dynamically,
    tune_dynamic_evaluation,
)
from .temperature import TemperatureSettings, tune_temperature

_TUNING_TOKENS = 20_000
_STATISTICS_BATCHES = 2_000
_STATISTICS_ROWS = 20
"""Validation tokens for tuning, and training batches and their rows for gradient statistics."""


@dataclass(frozen=True)
class AdaptedModel:
    """A saved model and a corpus, to be scored with adaptation at test time.

    Attributes:
        model: The model, in evaluation mode; it is never changed.
        tokenizer: Its tokenizer.
        corpus: The corpus; settings are tuned on its validation split unless they are given.
        cache_dir: Folder of tokenized text.
        progress: Show a progress bar of each pass over a text in a terminal.
    """

    model: LanguageModelForCausalLM
    tokenizer: PreTrainedTokenizerBase
    corpus: Corpus
    cache_dir: str | Path | None = None
    progress: bool = False

    def with_cache(
        self, split: str, settings: CacheSettings | None = None
    ) -> tuple[dict[str, float], CacheSettings]:
        """Score with a continuous cache.

        Args:
            split: The split to score.
            settings: Settings of the cache; tuned by default.

        Returns:
            The metrics and the settings.

        Raises:
            LmcourseError: The corpus has no such split.
        """
        if settings is None:
            settings = tune_cache(self._stream("validation"))
        _, totals = score_with_cache(self._stream(split), settings)
        metrics = corpus_metrics([totals], **text_counts(self._encoded(split)))
        del metrics["accuracy"]  # the cache may change the most likely token
        return metrics, settings

    def dynamically(
        self, split: str, rule: str, segment: int, rate: float | None = None, decay: float = 0.0
    ) -> tuple[dict[str, float], DynamicSettings]:
        """Score with dynamic evaluation.

        Args:
            split: The split to score.
            rule: "sgd" or "rms".
            segment: Tokens between two steps.
            rate: Learning rate eta; rate and decay are tuned by default.
            decay: Decay lambda towards the trained weights.

        Returns:
            The metrics and the settings.

        Raises:
            LmcourseError: The corpus has no such split.
        """
        statistics = None
        if rule == "rms":
            batches = self._batches("train", segment, _STATISTICS_ROWS)
            statistics = gradient_statistics(self.model, islice(batches, _STATISTICS_BATCHES))
        settings = DynamicSettings(rule, rate or 0.0, decay)
        if rate is None:
            segments = max(1, _TUNING_TOKENS // segment)
            validation = self._batches("validation", segment)
            settings = tune_dynamic_evaluation(
                self.model, validation, settings, statistics, segments
            )
        batches = self._batches(split, segment)
        _, totals = score_dynamically(self.model, batches, settings, statistics)
        return corpus_metrics([totals], **text_counts(self._encoded(split))), settings

    def at_best_temperature(self, split: str) -> tuple[dict[str, float], TemperatureSettings]:
        """Score once with the temperature of the softmax that suits the validation split best.

        Args:
            split: The split to score.

        Returns:
            The metrics and the temperature.

        Raises:
            LmcourseError: The corpus has no such split.
        """
        settings = tune_temperature(self.model, lambda: self._batches("validation"))
        batches = self._batches(split)
        totals = score_streams(self.model, batches, temperature=settings.temperature)
        return corpus_metrics([totals], **text_counts(self._encoded(split))), settings

    def _encoded(self, split: str) -> EncodedSplit:
        return encode_split(self.corpus, split, self.tokenizer, self.cache_dir)

    def _stream(self, split: str) -> HiddenStream:
        return hidden_stream(self.model, self._batches(split))

    def _batches(
        self, split: str, segment: int | None = None, rows: int | None = None
    ) -> Iterator[dict[str, Any]]:
        """Iterate over a split in order.

        Args:
            split: The split.
            segment: Predicted tokens of a batch, if each is to be a step.
            rows: Streams, or windows of a batch; by default those of `split_batches`, and 1 with
                `segment`.
        """
        block = "block_length" if self.model.carries_state else "stride"
        rows = 1 if rows is None and segment is not None else rows
        tokens = self._encoded(split).tokens
        batches = split_batches(self.model, tokens, self.tokenizer, rows, **{block: segment})
        with progress_bar(batches, split, self.progress) as bar:
            for batch in batches:
                yield batch
                bar.update()
