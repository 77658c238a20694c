"""Evaluate a saved or loaded language model on a corpus or a text file."""

import time
from collections.abc import Mapping
from dataclasses import InitVar, dataclass
from pathlib import Path
from typing import Any

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from ..data.corpora import Corpus, load_corpus, user_file, whole_file
from ..errors import LmcourseError
from ..models.causal_lm import LMCoursePreTrainedModel
from ..models.loading import load_language_model
from ..report.numbers import readable
from ..report.quiet_libraries import quiet_libraries
from ..report.tables import markdown_table
from ..report.unknown_words import ASTERISK_NOTE, asterisk, has_asterisk
from .corpus_scores import evaluate_split
from .token_scores import check_causal


@dataclass(eq=False, repr=False)
class Evaluation(dict[str, float]):
    """Metrics of a language model on a text, by name.

    It is a dictionary that prints as the table of `lmcourse evaluate`, and that a notebook displays
    as this table.

    Attributes:
        name: What the model is called.
        model: The model.
        tokenizer: Its tokenizer.
        corpus: The corpus.
        split: The split that was scored.
        seconds: Duration of the scoring.
    """

    metrics: InitVar[Mapping[str, float]]
    name: str
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    corpus: Corpus
    split: str
    seconds: float

    def __post_init__(self, metrics: Mapping[str, float]) -> None:
        self.update(metrics)

    @property
    def title(self) -> str:
        """Model, corpus and split in one line."""
        return f"{self.name} on {self.corpus.name}, {self.split}"

    def __str__(self) -> str:
        return f"{self.title}\n{metrics_table({'': self})}"

    __repr__ = __str__

    def _repr_markdown_(self) -> str:
        rows = [(name, _shown(self, name)) for name in self]
        table = markdown_table(("metric", self.title), rows)
        return f"{table}\n\n\\{ASTERISK_NOTE}" if has_asterisk(self) else table


@quiet_libraries()
def evaluate(
    model: str | Path | PreTrainedModel,
    text: str | Path | Corpus,
    split: str | None = None,
    *,
    tokenizer: PreTrainedTokenizerBase | None = None,
    revision: str | None = None,
    streams: int | None = None,
    block_length: int | None = None,
    stride: int | None = None,
    data_dir: str | Path | None = None,
    cache_dir: str | Path | None = None,
) -> Evaluation:
    """Score every token of a text once, given the text before it that the model reads.

        hf_lmcourse.evaluate("runs/quickstart", "wikitext-2", "validation")["perplexity"]

    Args:
        model: A run folder, a saved model, an id on the Hub, or a model.
        text: The name of a corpus, the path of a text file or of a folder, or a loaded corpus.
        split: "train", "validation" or "test"; by default the test split if there is one, and a
            text file as a whole.
        tokenizer: The tokenizer of a model that is given as an object.
        revision: Branch, tag or commit of an id on the Hub; main by default.
        streams: Number of parallel streams that the text is cut into; by default it is not cut.
        block_length: Number of tokens per forward pass.
        stride: Number of tokens that a window scores, the others being context.
        data_dir: Folder of local corpora; `LMCOURSE_DATA` by default.
        cache_dir: Folder of tokenized text; `LMCOURSE_CACHE` by default.

    Raises:
        LmcourseError: The model or the text cannot be read, the model looks ahead, or the sizes do
            not fit.
    """
    corpus, split = text_and_split(text, split, data_dir)
    if isinstance(model, str | Path):
        name = str(model)
        loaded, tokenizer = load_causal(name, revision)
    else:
        name, loaded = model.name_or_path or type(model).__name__, model
        _check_causal(loaded, name)
    if tokenizer is None:
        raise LmcourseError(f"give the tokenizer of {name}: evaluate(model, text, tokenizer=...)")
    began = time.perf_counter()
    metrics = evaluate_split(
        loaded,
        tokenizer,
        corpus,
        split,
        streams=streams,
        block_length=block_length,
        stride=stride,
        cache_dir=cache_dir,
        progress=True,
    )
    seconds = time.perf_counter() - began
    return Evaluation(metrics, name, loaded, tokenizer, corpus, split, seconds)


def load_causal(
    name: str, revision: str | None = None
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """As `load_language_model`, of a model that does not look ahead."""
    loaded, tokenizer = load_language_model(name, revision)
    _check_causal(loaded, name)
    return loaded, tokenizer


def _check_causal(model: PreTrainedModel, name: str) -> None:
    """Refuse a model of another package that looks ahead."""
    if not isinstance(model, LMCoursePreTrainedModel):
        check_causal(model, name)


def text_and_split(
    text: str | Path | Corpus, split: str | None, data_dir: str | Path | None
) -> tuple[Corpus, str]:
    """The text that is scored, and its split; see `evaluate`."""
    corpus = text if isinstance(text, Corpus) else _load(str(text), split, data_dir)
    if split is None:
        split = "test" if "test" in corpus.splits else corpus.splits[-1]
    return corpus, split


def _load(name_or_path: str, split: str | None, data_dir: str | Path | None) -> Corpus:
    """Load a corpus; a text file is cut into splits only if one of them is asked for."""
    file = user_file(name_or_path)
    return whole_file(file) if file and split is None else load_corpus(name_or_path, data_dir)


def metrics_table(columns: Mapping[str, Mapping[str, Any]]) -> str:
    """Format metrics as aligned text.

    Args:
        columns: The metrics of each model or way to score, by the title of its column; the first
            has all metrics.
    """
    first = next(iter(columns.values()))
    lines, longest = [], max(map(len, first))
    widths = [max(18, len(title)) if len(columns) > 1 else 12 for title in columns]
    if len(columns) > 1:
        titles = (f" {title:>{width}}" for title, width in zip(columns, widths, strict=True))
        lines.append("  " + " " * longest + "".join(titles))
    for name in first:
        cells = zip(columns.values(), widths, strict=True)
        row = "".join(f" {_shown(column, name):>{width}}" for column, width in cells)
        lines.append(f"  {name:<{longest}}{row}")
    if has_asterisk(first):
        lines.append(f"  {ASTERISK_NOTE}")
    return "\n".join(lines)


def _shown(metrics: Mapping[str, Any], name: str) -> str:
    value = metrics.get(name)
    if value is None:
        return "-"
    if isinstance(value, int):
        return f"{value:,}"
    return readable(value, 4) + asterisk(metrics, name)
