"""The model card of a finished run: what it is, how good it is, and how to repeat it."""

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from ..errors import LmcourseError
from ..report.markdown import code, escaped
from ..report.numbers import four_digits
from ..report.redact import redacted
from ..report.results import RunResult
from ..report.tables import MODEL_TITLES, markdown_table
from ..report.unknown_words import ASTERISK_NOTE, asterisk, has_asterisk
from .card_links import links_sentence
from .card_sections import NOTES, loading_section
from .corpus_licenses import CorpusFacts, corpus_facts

_TEMPLATE = Path(__file__).parent / "templates" / "model_card.md.jinja"
_METRICS = (
    "perplexity",
    "nats_per_token",
    "bits_per_character",
    "bits_per_character_spelled",
    "log_probability_rank",
    "accuracy",
    "cross_entropy",
    "spearman",
)
_COUNTS = ("tokens", "pairs", "texts", "unknown_share")
"""What a card shows, in this order; the result file next to it has all."""

_WHOLE = ("log_probability_rank", "pairs", "texts", "tokens")
_TASKS = {"text-generation": "Language modeling", "text-classification": "Text classification"}

_USE = """\
To read next to its equation, to repeat its training, and as a small honest baseline for a larger
model."""

_LIMITS = """\
This is a small model of a university course. It knows no facts, repeats whatever its training text
says and is no assistant: do not show its words to people as anybody's opinion, and decide nothing
about a person by it. Its metrics are for this corpus with this tokenization and do not compare
with those of models with other tokens."""


def render_model_card(
    result: RunResult,
    *,
    description: str,
    equation: str,
    training_data: str,
    config_text: str,
    hyperparameters: Mapping[str, object],
    scoring: str = "",
    sample: str | None = None,
    learning_curve: str | None = None,
    repository: str | None = None,
    facts: CorpusFacts | None = None,
    license: str | None = None,
) -> ModelCard:
    """Write the model card of a run; `.save(run_folder / "README.md")` puts it in its place.

    Absolute local paths and access tokens are taken out of everything that comes from the command
    line, the configuration and the settings.

    Args:
        result: The result of the run.
        description: What the model is, in a few sentences of Markdown.
        equation: Its equation in plain text; shown as it is.
        training_data: What it was trained on: corpus, split, size, tokens.
        config_text: The YAML of the run.
        hyperparameters: Settings by name.
        scoring: A sentence on how the results were scored.
        sample: Text that the model generated; left out if there is none.
        learning_curve: The plot, relative to the card; left out if there is none.
        repository: Where the model can be loaded from; by default the run folder `runs/<name>`.
        facts: Terms, language and place on the Hub of the training data.
        license: Licence of the weights as a Hub identifier, such as "mit".

    Returns:
        The card, its metadata in `.data`.

    Raises:
        LmcourseError: The path of the learning curve is absolute.
    """
    if learning_curve is not None and PurePath(learning_curve).is_absolute():
        raise LmcourseError(
            f"The learning curve of a model card must be a path relative to the card, not"
            f" {learning_curve}; put the plot into the run folder."
        )
    task, facts = _task(result), facts or corpus_facts(result.corpus)
    place = redacted(repository or f"runs/{result.name}")
    data = ModelCardData(
        language=facts.language,
        license=license,
        library_name="transformers",
        pipeline_tag=task,
        tags=["hf-lmcourse", result.model_type],
        datasets=[facts.hub] if facts.hub else None,
        model_name=result.name,
        eval_results=_evaluation_results(result, task, facts),
    )
    settings = [[f"`{name}`", _setting(name, value)] for name, value in hyperparameters.items()]
    return ModelCard.from_template(
        data,
        template_path=str(_TEMPLATE),
        result=result,
        generates=task == "text-generation",
        title=f"{MODEL_TITLES.get(result.model_type, result.model_type)} on "
        + escaped(_corpus(result)),
        name=escaped(result.name),
        description=description.strip(),
        equation=equation.strip("\n"),
        links=links_sentence(result.model_type),
        results=_results(result),
        scoring=scoring,
        learning_curve=learning_curve,
        sample=_fenced(sample) if sample else None,
        loading=loading_section(task, place),
        training_data=escaped(redacted(training_data.strip())),
        terms=facts.terms,
        command=_fenced(redacted(result.command), "bash"),
        config=code(redacted(result.config)),
        config_text=_fenced(redacted(config_text), "yaml"),
        hyperparameters=markdown_table(["setting", "value"], sorted(settings)),
        intended_use=_USE,
        limits=_LIMITS,
        notes=NOTES,
        versions=_versions(result),
    )


def _task(result: RunResult) -> str:
    """Return the Hub's name of the task; a language model has a perplexity."""
    if any("perplexity" in metrics for metrics in result.metrics.values()):
        return "text-generation"
    return "text-classification"


def _corpus(result: RunResult) -> str:
    """Return the name of the corpus; of a file of the user's own, the last part of its path."""
    return PurePath(redacted(result.corpus)).name


def _evaluation_results(result: RunResult, task: str, facts: CorpusFacts) -> list[EvalResult]:
    """Return the metrics for the `model-index` of the card, which takes finite numbers only."""
    return [
        EvalResult(
            task_type=task,
            task_name=_TASKS[task],
            dataset_type=facts.hub or _corpus(result),
            dataset_name=_corpus(result),
            dataset_split=split,
            metric_type=metric,
            metric_name=_metric_name(metric, split, metrics),
            metric_value=value,
        )
        for split, metrics in sorted(result.metrics.items())
        for metric in _shown(metrics, _METRICS)
        if math.isfinite(value := float(f"{metrics[metric]:.4g}"))
    ]


def _shown(metrics: Mapping[str, float], names: Sequence[str]) -> list[str]:
    """Names of the metrics that matter: of a language model that is not the share of hits."""
    left_out = {"accuracy"} if "perplexity" in metrics else set()
    return [name for name in names if name in metrics and name not in left_out]


def _metric_name(metric: str, split: str, metrics: Mapping[str, float]) -> str:
    """Name a metric for a reader who sees its name alone."""
    name, mark = metric.replace("_", " "), asterisk(metrics, metric)
    meaning = f"; {mark} without the spelling of unknown tokens" if mark else ""
    return f"{name}{mark} ({split}{meaning})"


def _results(result: RunResult) -> str:
    """Return the table of metrics, and what its asterisks mean."""
    splits = sorted(result.metrics, key=lambda split: (split != "validation", split))
    shown = [_shown(metrics, _METRICS + _COUNTS) for metrics in result.metrics.values()]
    names = [name for name in _METRICS + _COUNTS if any(name in some for some in shown)]
    rows = [
        [name.replace("_", " "), *(_number(result.metrics[split], name) for split in splits)]
        for name in names
    ]
    table = markdown_table(["metric", *splits], rows)
    marked = any(map(has_asterisk, result.metrics.values()))
    return f"{table}\n\n\\{ASTERISK_NOTE}" if marked else table


def _number(metrics: Mapping[str, float], name: str) -> str:
    value = metrics.get(name)
    if value is None:
        return "-"
    text = f"{int(value):,}" if name in _WHOLE else four_digits(value)
    return text + asterisk(metrics, name)


def _setting(name: str, value: object) -> str:
    """Show a setting; quoted and with its name a path or a token is recognised for certain."""
    text = redacted(f"{name}: {str(value)!r}").removeprefix(f"{name}: ")
    return escaped(text[1:-1] if text[0] in "'\"" else text)


def _versions(result: RunResult) -> str:
    versions = [[name, version] for name, version in sorted(result.versions.items())]
    commit = [["commit of hf_lmcourse", result.commit]] if result.commit else []
    return markdown_table(["library", "version"], versions + commit)


def _fenced(text: str, language: str = "") -> str:
    """Show text as it is, in a fence longer than any inside it."""
    longest = max((len(ticks) for ticks in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    body = text.strip("\n")
    return f"{fence}{language}\n{body}\n{fence}"
