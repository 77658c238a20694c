"""What a finished run leaves behind: figures, picture, sample, card, result file."""

import math
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import ModelCard
from transformers import GenerationConfig

from ..adaptation.adapted_model import AdaptedModel
from ..data.streams import text_marks
from ..data.training_text_record import write_record
from ..evaluation.corpus_scores import evaluate_split
from ..evaluation.count_models import CountModelScore, bigram_nll, trigram_nll, unigram_nll
from ..report.learning_curves import plot_learning_curve
from ..report.redact import make_shareable
from ..report.results import RunResult
from ..sharing.card import render_model_card
from ..sharing.card_sections import save_card
from ..sharing.corpus_licenses import corpus_facts
from ..training.callbacks import sample_text
from .language_model import Run
from .pretrained_vectors import sentence_on_vectors
from .run_folder import (
    about,
    changed_settings,
    run_result,
    save_for_sharing,
    save_result,
    saved_model,
    share_learning_curve,
)

__all__ = ["RunSummary", "count_models", "finish_run"]

_FINAL_SAMPLE = 500
"""Tokens of the sample in the card."""


@dataclass
class RunSummary:
    """What the command prints at the end of a run.

    Attributes:
        result: as written to `result.json`.
        yardsticks: count models on the validation text, by name.
        sample: a sample at temperature 1.
        folder: the run folder.
        prompt: what the samples of this run continue.
        characters_per_token: of the validation text, for bits per character.
    """

    result: RunResult
    yardsticks: dict[str, CountModelScore]
    sample: str
    folder: Path
    prompt: str
    characters_per_token: float

    def table(self) -> str:
        """The validation figures beside the yardsticks, and the test figures, as aligned text."""
        rows: list[tuple[str, ...]] = [
            ("validation", "nats per token", "perplexity", "bits per character")
        ]
        for name, score in self.yardsticks.items():
            rows.append((name, *self._units(score.nats_per_token)))
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

    def _units(self, nats: float) -> tuple[str, str, str]:
        bits = nats / math.log(2) / self.characters_per_token
        return f"{nats:.4f}", f"{math.exp(nats):.4f}", f"{bits:.4f}"


def finish_run(run: Run) -> RunSummary:
    """Score the trained model once more on the whole text, and write the run folder.

    What is scored is the model as it was saved, in the precision of its weights, also where the
    training was in bfloat16. Validation and test are scored as one stream each, so that every token
    has all the text before it as context, or as much as the model looks at. The test text is read
    here for the first and only time.

    Args:
        run: after its training.

    Returns:
        What to print.
    """
    trainer, args, folder = run.trainer, run.settings.training, run.folder
    trained = trainer.accelerator.unwrap_model(trainer.model)
    trained.config.use_cache = True  # Trainer switches it off for the training
    trained.generation_config = GenerationConfig.from_model_config(trained.config)
    save_for_sharing(run)
    _note_training_text(run)
    model = saved_model(run)
    seconds = run.seconds
    splits = [split for split in run.corpus.splits if split != "train"]
    metrics = {
        split: evaluate_split(
            model,
            run.tokenizer,
            run.corpus,
            split,
            cache_dir=run.settings.data.cache_dir,
            progress=not args.disable_tqdm,
        )
        for split in splits
    }
    if run.vectors is not None:
        for split, figures in metrics.items():
            figures.update(run.vectors.coverage(run.splits[split].tokens))
    if args.rank_contexts:
        scored = AdaptedModel(model, run.tokenizer, run.corpus, run.settings.data.cache_dir)
        for split, figures in metrics.items():
            figures["log_probability_rank"] = scored.rank(split, args.rank_contexts)[0]
    yardsticks = count_models(run)
    sample = sample_text(model, run.tokenizer, args.sample_prompt, _FINAL_SAMPLE, args.seed)
    with (folder / "samples.txt").open("a", encoding="utf-8") as file:
        file.write(f"--- final\n{sample}\n")
    result = run_result(run, run.corpus.name, metrics, seconds)
    save_result(run, result)
    picture = _plot(run, yardsticks)
    save_card(_card(run, result, sample, picture), folder / "README.md")
    share_learning_curve(run, picture)
    validation = run.splits["validation"]
    per_token = validation.characters / metrics["validation"]["tokens"]
    return RunSummary(result, yardsticks, sample, folder, args.sample_prompt, per_token)


def _note_training_text(run: Run) -> None:
    data = run.settings.data
    held_out = [make_shareable(name) for name in data.hold_out or ()]
    write_record(run.folder, make_shareable(data.corpus), held_out)


def _plot(run: Run, yardsticks: dict[str, CountModelScore]) -> str | None:
    """Draw the learning curve, where the run was long enough to log any of it.

    Returns:
        The picture, relative to the run folder.
    """
    history = run.trainer.state.log_history
    if not any("loss" in log or "eval_nats_per_token" in log for log in history):
        return None
    picture = Path("plots", "learning_curve.png")
    plot_learning_curve(
        history,
        run.folder / picture,
        title=f"{run.settings.name}: {run.corpus.name}",
        yardsticks={name: score.nats_per_token for name, score in yardsticks.items()},
    )
    return picture.as_posix()


def _card(run: Run, result: RunResult, sample: str, learning_curve: str | None) -> ModelCard:
    settings = run.settings
    layer_class = getattr(run.trainer.model.model, "layer_class", None)
    description, equation = about(layer_class or type(run.trainer.model.model))
    train = run.splits["train"]
    held_out = [Path(name).name for name in settings.data.hold_out or ()]
    return render_model_card(
        result,
        description=description,
        equation=equation,
        training_data=(
            f"The corpus {run.corpus.name} ({run.corpus.source}), {len(train.tokens):,} training "
            f"tokens, {train.characters:,} characters."
            + (f" Held out of it: {', '.join(held_out)}." if held_out else "")
            + sentence_on_vectors(run.vectors, train.tokens)
        ),
        config_text=Path(settings.config_file).read_text(encoding="utf-8"),
        hyperparameters=changed_settings(settings),
        sample=sample,
        learning_curve=learning_curve,
        facts=corpus_facts(run.settings.data.corpus),
    )


def count_models(run: Run, split: str = "validation") -> dict[str, CountModelScore]:
    """Count models of the training text on a split, for the reader to compare with."""
    train, scored = run.splits["train"].tokens, run.splits[split].tokens
    vocabulary, marks = len(run.tokenizer), text_marks(run.tokenizer)
    models = {"unigram": unigram_nll, "bigram": bigram_nll, "trigram": trigram_nll}
    return {
        f"{name} counts": score(train, scored, vocabulary, **marks)
        for name, score in models.items()
    }
