"""A training run of a language model: what it prints, scores and writes."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import ModelCard
from transformers import GenerationConfig

from ..data.corpora import Corpus
from ..data.streams import context_tokens
from ..data.training_text_record import write_record
from ..evaluation.corpus_scores import evaluate_split
from ..evaluation.count_models import CountModelScore, bigram_nll, trigram_nll, unigram_nll
from ..inspection.log_probability_rank import log_probability_rank
from ..report.learning_curves import plot_learning_curve
from ..report.redact import redacted
from ..report.results import RunResult
from ..sharing.card import render_model_card
from ..sharing.card_sections import save_card
from ..sharing.corpus_licenses import corpus_facts
from ..training.callbacks import sample_text
from .pretrained_vectors import coverage_sentence
from .run_folder import (
    class_description,
    copy_learning_curve,
    load_saved_model,
    non_default_settings,
    run_result,
    save_model,
    save_result,
)
from .training_run import RunSummary, TrainingRun

_FINAL_SAMPLE = 500
"""Tokens of the sample in the card."""


@dataclass
class LanguageModelSummary(RunSummary):
    """Results of a language model's run.

    Attributes:
        baselines: Count models on the validation text, by name.
        sample: A sample at temperature 1.
        prompt: What the samples of this run continue.
        characters_per_token: Of the validation text, for bits per character.
    """

    baselines: dict[str, CountModelScore]
    sample: str
    prompt: str
    characters_per_token: float

    def table(self) -> str:
        """Format the metrics of each split and of the baselines as aligned text."""
        rows: list[tuple[str, ...]] = [
            ("validation", "nats per token", "perplexity", "bits per character")
        ]
        for name, score in self.baselines.items():
            nats = score.nats_per_token
            bits = nats / math.log(2) / self.characters_per_token
            rows.append((name, *(f"{value:.4f}" for value in (nats, math.exp(nats), bits))))
        for split, metrics in self.result.metrics.items():
            name = f"this model ({split})" if split != "validation" else "this model"
            units = (metrics["nats_per_token"], metrics["perplexity"])
            bits = metrics.get("bits_per_character", float("nan"))
            rows.append((name, *(f"{value:.4f}" for value in (*units, bits))))
        width = max(len(row[0]) for row in rows)
        return "\n".join(
            f"  {name:<{width}}" + "".join(f"  {cell:>18}" for cell in cells)
            for name, *cells in rows
        )


@dataclass
class LanguageModelRun(TrainingRun):
    """A training run of a language model, whose `splits` are `EncodedSplit`s.

    Attributes:
        corpus: The text.
    """

    corpus: Corpus

    @property
    def data_line(self) -> str:
        """See `TrainingRun`."""
        return (
            f"{self.trainer.model.config.vocab_size:,} tokens on {self.corpus.name} "
            f"({len(self.splits['train'].tokens):,} training tokens, {self.corpus.source})"
        )

    def finish(self) -> LanguageModelSummary:
        """Score the trained model on the whole text, and write the run folder.

        The model is scored as it was saved, in the precision of its weights, even if the training
        was in bfloat16. Validation and test are scored as one stream each, so that every token has
        all the text before it as context, or as much as the model reads. The test text is read here
        for the first and only time.
        """
        args = self.settings.training
        trained = self.trainer.accelerator.unwrap_model(self.trainer.model)
        trained.config.use_cache = True  # Trainer switches it off for the training
        trained.generation_config = GenerationConfig.from_model_config(trained.config)
        save_model(self)
        self._record_training_text()
        model, seconds = load_saved_model(self), self.seconds
        metrics = self._metrics(model)
        baselines = self._count_models()
        sample = sample_text(model, self.tokenizer, args.sample_prompt, _FINAL_SAMPLE, args.seed)
        with (self.folder / "samples.txt").open("a", encoding="utf-8") as file:
            file.write(f"--- final\n{sample}\n")
        result = run_result(self, self.corpus.name, metrics, seconds)
        save_result(self, result)
        curve = self._plot(baselines)
        save_card(self._card(result, sample, curve), self.folder / "README.md")
        copy_learning_curve(self, curve)
        per_token = self.splits["validation"].characters / metrics["validation"]["tokens"]
        return LanguageModelSummary(
            result, self.folder, baselines, sample, args.sample_prompt, per_token
        )

    def _record_training_text(self) -> None:
        data = self.settings.data
        held_out = [redacted(name) for name in data.hold_out or ()]
        write_record(self.folder, redacted(data.corpus), held_out)

    def _metrics(self, model: Any) -> dict[str, dict[str, float]]:
        """Score every split but the training text."""
        args, cache = self.settings.training, self.settings.data.cache_dir
        metrics = {}
        for split in self.corpus.splits:
            if split == "train":
                continue
            metrics[split] = evaluate_split(
                model,
                self.tokenizer,
                self.corpus,
                split,
                cache_dir=cache,
                progress=not args.disable_tqdm,
            )
            if self.vectors is not None:
                metrics[split] |= self.vectors.coverage(self.splits[split].tokens)
            if args.rank_contexts:
                rank, _ = log_probability_rank(
                    model, self.tokenizer, self.corpus, split, args.rank_contexts, cache
                )
                metrics[split]["log_probability_rank"] = rank
        return metrics

    def _count_models(self) -> dict[str, CountModelScore]:
        """Count models of the training text, scored on the validation text."""
        train, scored = self.splits["train"].tokens, self.splits["validation"].tokens
        vocabulary, special = len(self.tokenizer), context_tokens(self.tokenizer)
        models = {"unigram": unigram_nll, "bigram": bigram_nll, "trigram": trigram_nll}
        return {
            f"{name} counts": score(train, scored, vocabulary, **special)
            for name, score in models.items()
        }

    def _plot(self, baselines: dict[str, CountModelScore]) -> str | None:
        """Draw the learning curve, unless the run was too short to log any of it.

        Returns:
            The plot, relative to the run folder.
        """
        history = self.trainer.state.log_history
        if not any("loss" in log or "eval_nats_per_token" in log for log in history):
            return None
        plot = Path("plots", "learning_curve.png")
        title = f"{self.settings.name}: {self.corpus.name}"
        lines = {name: score.nats_per_token for name, score in baselines.items()}
        plot_learning_curve(history, self.folder / plot, title, lines)
        return plot.as_posix()

    def _card(self, result: RunResult, sample: str, learning_curve: str | None) -> ModelCard:
        settings, model = self.settings, self.trainer.model.model
        documented = getattr(model, "layer_class", None) or type(model)
        description, equation = class_description(documented)
        train = self.splits["train"]
        held_out = [Path(name).name for name in settings.data.hold_out or ()]
        return render_model_card(
            result,
            description=description,
            equation=equation,
            training_data=(
                f"The corpus {self.corpus.name} ({self.corpus.source}), {len(train.tokens):,} "
                f"training tokens, {train.characters:,} characters."
                + (f" Held out of it: {', '.join(held_out)}." if held_out else "")
                + coverage_sentence(self.vectors, train.tokens)
            ),
            config_text=Path(settings.config_file).read_text(encoding="utf-8"),
            hyperparameters=non_default_settings(settings),
            sample=sample,
            learning_curve=learning_curve,
            facts=corpus_facts(settings.data.corpus),
        )
