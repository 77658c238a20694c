"""A training run of a language model: what it prints, scores and writes."""

import math
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import GenerationConfig, PreTrainedTokenizerBase

from ..data.corpora import Corpus
from ..data.streams import context_tokens, first_token_id
from ..data.training_text_record import TrainingTextRecord, write_record
from ..evaluation.corpus_scores import evaluate_split
from ..evaluation.count_models import CountModelScore, bigram_nll, trigram_nll, unigram_nll
from ..evaluation.token_scores import scorer_of
from ..inspection.log_probability_rank import log_probability_rank
from ..layers.recurrence import DenseRecurrence
from ..report.files import append_text
from ..report.learning_curves import plot_learning_curve
from ..report.numbers import readable
from ..report.results import RunResult
from ..report.unknown_words import ASTERISK_NOTE, asterisk, has_asterisk
from ..training.callbacks import sample_text, validation_name
from .own_cell import OUR_STEP, OWN_STEP_NOTE, CellRun
from .settings import RunSettings
from .training_run import RunSummary, TrainingRun


@dataclass(repr=False)
class LanguageModelSummary(RunSummary):
    """Results of a language model's run.

    Attributes:
        baselines: Count models on the validation text, by name.
        prompt: What the samples of this run continue.
        characters_per_token: Of the validation text, for bits per character.
        scoring: How the scores differ from the evaluations of the training.
        ours: Metrics on the validation text to compare a cell of the user's own with, by name.
    """

    baselines: dict[str, CountModelScore]
    prompt: str
    characters_per_token: float
    scoring: str
    ours: dict[str, dict[str, float]]

    def table(self) -> str:
        """Format the metrics of each split and of the baselines as aligned text."""
        validation = self.result.metrics["validation"]
        rows: list[tuple[str, ...]] = [
            ("validation", "nats per token", "perplexity", "bits per character")
        ]
        for name, score in self.baselines.items():
            nats = score.nats_per_token
            bits = nats / math.log(2) / self.characters_per_token
            rows.append((name, *_units(nats, math.exp(nats), bits, validation)))
        scores = {
            f"this model ({split})" if split != "validation" else "this model": metrics
            for split, metrics in self.result.metrics.items()
        }
        for name, metrics in (scores | self.ours).items():
            units = (metrics["nats_per_token"], metrics["perplexity"])
            bits = metrics.get("bits_per_character", float("nan"))
            rows.append((name, *_units(*units, bits, metrics)))
        width = max(len(row[0]) for row in rows)
        lines = [
            f"  {name:<{width}}" + "".join(f"  {cell:>18}" for cell in cells)
            for name, *cells in rows
        ]
        marked = any(map(has_asterisk, self.result.metrics.values()))
        notes = [ASTERISK_NOTE] * marked + [self.scoring] * bool(self.scoring)
        notes += [OWN_STEP_NOTE] * bool(self.ours)
        return "\n".join([*lines, *(f"  {note}" for note in notes)])


def _units(nats: float, perplexity: float, bits: float, metrics: dict[str, float]) -> list[str]:
    """Format the cells of a row; the metrics decide upon the asterisk of the last one."""
    cells = [readable(value, 4) for value in (nats, perplexity, bits)]
    return [*cells[:2], cells[2] + asterisk(metrics, "bits_per_character")]


@dataclass
class LanguageModelRun(TrainingRun):
    """A training run of a language model, whose `splits` are `EncodedSplit`s.

    Validation and test are scored as one stream each, so that every token has all the text before
    it as context, or as much as the model reads.

    Attributes:
        trained_on: What the run folder records of the training text.
        own: The cell of the user's own that computes the steps, if there is one.
    """

    corpus: Corpus
    trained_on: TrainingTextRecord
    own: CellRun | None
    plotted = ("loss", "eval_nats_per_token")

    @property
    def data_line(self) -> str:
        """See `TrainingRun`."""
        return (
            f"{self.trainer.model.config.vocab_size:,} tokens on {self.corpus.name} "
            f"({len(self.splits['train'].tokens):,} training tokens, {self.corpus.source})"
        )

    @property
    def training_data(self) -> str:
        """See `TrainingRun`."""
        train = self.splits["train"]
        held_out = [Path(name).name for name in self.settings.data.hold_out or ()]
        return (
            f"The corpus {self.corpus.name} ({self.corpus.source}), {len(train.tokens):,} "
            f"training tokens, {train.characters:,} characters."
            + (f" Held out of it: {', '.join(held_out)}." if held_out else "")
            + (self.own.sentence if self.own is not None else "")
        )

    @property
    def scoring(self) -> str:
        """See `TrainingRun`."""
        streams = self._streams
        if streams == 1:
            return ""
        return (
            f"Scored as one stream; the evaluations in training used {streams}, each of which "
            "starts with one token of context."
        )

    @property
    def backend(self) -> str:
        """See `TrainingRun`."""
        args = self.settings.training
        layers = (m for m in self.trainer.model.modules() if isinstance(m, DenseRecurrence))
        layer = next(layers, None)
        if layer is None or layer.cell is not None:
            return ""
        shape = args.per_device_train_batch_size, self.settings.data.block_length, layer.input_size
        with self.trainer.accelerator.autocast(), torch.enable_grad():
            return layer.backend_for(torch.empty(shape, device=args.device))

    @property
    def _streams(self) -> int:
        """Streams of the evaluations of the training; 1 for a model that reads windows."""
        return getattr(self.trainer.eval_dataset, "num_streams", 1)

    def save_model(self) -> None:
        """Write the model, and a record of the text that it was trained on."""
        trained = self.trainer.accelerator.unwrap_model(self.trainer.model)
        trained.config.use_cache = True  # Trainer switches it off for the training
        trained.generation_config = GenerationConfig.from_model_config(trained.config)
        trained.generation_config.bos_token_id = first_token_id(self.tokenizer)
        super().save_model()
        write_record(self.folder, self.trained_on)
        if self.own is not None:
            self.own.save(self.folder)

    def train(self) -> None:
        """See `TrainingRun`."""
        with self._naming_errors():
            super().train()

    def score(self, model: Any, split: str) -> dict[str, float]:
        """See `TrainingRun`."""
        if self.own is not None:
            self.own.attach(model)
        with self._naming_errors():
            return score_language_model(self.settings, model, self.tokenizer, self.corpus, split)

    def _naming_errors(self) -> AbstractContextManager[None]:
        return nullcontext() if self.own is None else self.own.cell.naming_errors()

    def summarise(self, result: RunResult, model: Any) -> LanguageModelSummary:
        """Score the count models, and write a sample."""
        validation = self.splits["validation"]
        per_token = validation.characters / result.metrics["validation"]["tokens"]
        return LanguageModelSummary(
            result,
            self.folder,
            self._sample(model),
            self._count_models(),
            self.settings.training.sample_prompt,
            per_token,
            self.scoring,
            self._ours(),
        )

    def _ours(self) -> dict[str, dict[str, float]]:
        """The validation text scored by our step with the same weights, and by a model of ours."""
        if self.own is None:
            return {}
        trained = self.trainer.accelerator.unwrap_model(self.trainer.model)
        model = type(trained).from_pretrained(self.folder).to(self.settings.training.device)
        corpus = (self.tokenizer, self.corpus, "validation")
        scores = {OUR_STEP: score_language_model(self.settings, model, *corpus)}
        return scores | self.own.trained_by_us

    def card_rows(self, summary: LanguageModelSummary) -> dict[str, str]:
        """See `TrainingRun`; and the cell, with what it is compared with."""
        rows = super().card_rows(summary)
        if self.own is None:
            return rows
        scores = summary.ours.items()
        rows |= {f"perplexity, {name}": readable(m["perplexity"], 4) for name, m in scores}
        return rows | self.own.record

    def _sample(self, model: Any) -> str | None:
        """Write a last sample to `samples.txt`, if there are to be any."""
        args = self.settings.training
        if args.sample_length <= 0:
            return None
        text = sample_text(model, self.tokenizer, args.sample_prompt, args.sample_length, args.seed)
        append_text(self.folder / "samples.txt", f"--- final\n{text}\n")
        return text

    def _count_models(self) -> dict[str, CountModelScore]:
        """Count models of the training text, scored on the validation text.

        There are none of a text that is streamed: their counts would be as large as the text.
        """
        if self.settings.data.streaming:
            return {}
        train, scored = self.splits["train"].tokens, self.splits["validation"].tokens
        vocabulary, special = len(self.tokenizer), context_tokens(self.tokenizer)
        models = {"unigram": unigram_nll, "bigram": bigram_nll, "trigram": trigram_nll}
        return {
            f"{name} counts": score(train, scored, vocabulary, **special)
            for name, score in models.items()
        }

    def plot_curve(self, path: Path, title: str, summary: LanguageModelSummary) -> None:
        """See `TrainingRun`."""
        lines = {name: score.nats_per_token for name, score in summary.baselines.items()}
        lines |= {name: m["nats_per_token"] for name, m in summary.ours.items() if name != OUR_STEP}
        plot_learning_curve(
            self.trainer.state.log_history, path, title, lines, validation_name(self._streams)
        )


def score_language_model(
    settings: RunSettings,
    model: Any,
    tokenizer: PreTrainedTokenizerBase,
    corpus: Corpus,
    split: str,
) -> dict[str, float]:
    """Score a split as one stream, or in windows as long as those that the model was trained on.

    With the rank of the log-probabilities if it was asked for.
    """
    args, cache = settings.training, settings.data.cache_dir
    text = (model, tokenizer, corpus, split)
    window = None if scorer_of(model).carries_state else settings.data.block_length
    metrics = evaluate_split(
        *text, block_length=window, cache_dir=cache, progress=not args.disable_tqdm
    )
    if args.rank_contexts:
        rank, _ = log_probability_rank(*text, args.rank_contexts, cache)
        metrics["log_probability_rank"] = rank
    return metrics
