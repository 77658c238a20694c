"""Tables of results in Markdown, and the sections of pages that contain them."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from ..errors import LmcourseError
from .markdown import code, escaped
from .numbers import readable
from .redact import redacted
from .references import PublishedResult
from .results import RunResult
from .unknown_words import ASTERISK_NOTE, asterisk

MODEL_TITLES = {
    "lmcourse_bigram_mlp": "bigram MLP",
    "lmcourse_ngram_fnn": "n-gram FNN",
    "lmcourse_char_rnn": "char-RNN",
    "lmcourse_lstm": "LSTM",
    "lmcourse_gru": "GRU",
    "lmcourse_transformer": "Transformer",
    "gpt2": "GPT-2 of transformers",
    "mamba2": "Mamba 2 of transformers",
    "lmcourse_dan": "DAN",
    "tfidf_logistic_regression": "tf-idf and logistic regression",
    "nb_svm": "NB-SVM",
    "word_vectors": "word vectors",
}
"""Names of the models for readers, in the order of the course."""

_SPLITS = ("validation", "test")


@dataclass(frozen=True)
class _Column:
    """A column of metrics: its heading, the metric, and its format.

    Values per character have an `asterisk` if some characters are unknown.
    """

    heading: str
    metric: str
    factor: float
    digits: int
    per_character: bool = False


_COLUMNS = {
    "characters": (
        _Column("nats per character", "nats_per_token", 1, 4, True),
        _Column("bits per character", "nats_per_token", 1 / math.log(2), 3, True),
    ),
    "words": (_Column("perplexity", "perplexity", 1, 2),),
    "labels": (_Column("accuracy in percent", "accuracy", 100, 2),),
    "pairs": (_Column("Spearman correlation", "spearman", 1, 3),),
}
_KIND_OF_METRIC = {
    "nats_per_token": "characters",
    "perplexity": "words",
    "accuracy": "labels",
    "spearman": "pairs",
}


def results_table(results: Sequence[RunResult], published: Sequence[PublishedResult] = ()) -> str:
    """Write results as Markdown tables, one for each kind of metric.

    Models of characters show nats and bits per character, models of words perplexity, classifiers
    accuracy, word similarity the correlation; each for validation / test.

    Args:
        results: Results of runs.
        published: Published results; those of the same corpora and kind of metric are shown below
            ours, with the source in place of the command.

    Returns:
        The tables, without a line end after the last row; empty without results.

    Raises:
        LmcourseError: If a result has no metric that the tables know.
    """
    tables = []
    for kind, columns in _COLUMNS.items():
        ours = [result for result in results if _kind(result) == kind]
        rows = []
        for corpus in sorted({result.corpus for result in ours}):
            mine = [result for result in ours if result.corpus == corpus]
            rows += [_run_row(result, columns) for result in sorted(mine, key=_course_order)]
            rows += [
                _published_row(reference, columns, corpus)
                for reference in published
                if same_corpus(reference.corpus, corpus)
                and _KIND_OF_METRIC[reference.metric] == kind
            ]
        if rows:
            table = markdown_table(_header(columns), rows)
            marked = any("*" in cell for row in rows for cell in row[4 : 4 + len(columns)])
            tables.append(f"{table}\n\n\\{ASTERISK_NOTE}" if marked else table)
    return "\n\n".join(tables)


def main_metric(result: RunResult) -> str:
    """The metric that matters of a run, with its name, on test if it was scored there.

    Raises:
        LmcourseError: If a result has no metric that the tables know.
    """
    column = _COLUMNS[_kind(result)][-1]
    split = next(name for name in reversed(_SPLITS) if name in result.metrics)
    return f"{column.heading} {_value(result.metrics[split], column)} ({split})"


def same_corpus(name: str, other: str) -> bool:
    """Return whether two names mean one corpus: case, "-" and "_" make no difference."""
    return name.lower().replace("_", "-") == other.lower().replace("_", "-")


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a table in Markdown, one line per row, without a final line end.

    Bars in the cells are escaped, and line ends become spaces.
    """
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def aligned_table(rows: Sequence[Sequence[str]], left: Sequence[int] = (0,)) -> str:
    """Format rows as aligned text for the terminal, indented by two spaces.

    Args:
        rows: Cells of each row; the first row is usually the header.
        left: Numbers of the columns that are aligned to the left; the others to the right.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = (
            cell.ljust(width) if number in left else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        lines.append("  ".join(["", *cells]).rstrip())
    return "\n".join(lines)


def marker_names(document: str) -> list[str]:
    """Return the names of the `<!-- results:NAME -->` markers of a document, in its order."""
    return re.findall(r"<!-- results:(\S+) -->", document)


def replace_between_markers(document: str, name: str, text: str) -> str:
    """Replace the text between `<!-- results:NAME -->` and `<!-- /results:NAME -->`.

    Raises:
        LmcourseError: The markers are not there once each, in this order.
    """
    start, end = f"<!-- results:{name} -->", f"<!-- /results:{name} -->"
    before, _, rest = document.partition(start)
    _, _, after = rest.partition(end)
    if document.count(start) != 1 or document.count(end) != 1 or end not in rest:
        raise LmcourseError(
            f"The document has no place for the results {name!r}; write {start} and {end} once"
            " each, in this order, on lines of their own."
        )
    body = f"{text.strip()}\n" if text.strip() else ""
    return f"{before}{start}\n{body}{end}{after}"


def _kind(result: RunResult) -> str:
    """Return which columns describe a run; a token is a character if both cost the same."""
    metrics = {name: value for split in result.metrics.values() for name, value in split.items()}
    bits = metrics.get("bits_per_token", math.nan)
    if math.isclose(metrics.get("bits_per_character", math.inf), bits, rel_tol=0.1):
        return "characters"
    for metric in ("perplexity", "accuracy", "spearman"):
        if metric in metrics:
            return _KIND_OF_METRIC[metric]
    raise LmcourseError(
        f"The result {result.name!r} has no perplexity, accuracy or spearman to show in a table."
    )


def _course_order(result: RunResult) -> tuple[int, str, int]:
    known = list(MODEL_TITLES)
    place = known.index(result.model_type) if result.model_type in known else len(known)
    return place, result.name, result.seed


def _header(columns: Sequence[_Column]) -> list[str]:
    headings = [f"{column.heading}, {' / '.join(_SPLITS)}" for column in columns]
    last = ["seed", "minutes", "device, threads", "command or source"]
    return ["model", "corpus", "config", "parameters", *headings, *last]


def _run_row(result: RunResult, columns: Sequence[_Column]) -> list[str]:
    return [
        MODEL_TITLES.get(result.model_type, result.model_type),
        escaped(result.corpus),
        f"[{escaped(Path(result.config).stem)}]({quote(result.config)})" if result.config else "",
        f"{result.parameters:,}",
        *(_columns(result.metrics, column) for column in columns),
        str(result.seed),
        f"{result.wall_time_seconds / 60:.1f}",
        f"{result.device}, {result.threads}",
        code(redacted(result.command)),
    ]


def _published_row(
    reference: PublishedResult, columns: Sequence[_Column], corpus: str
) -> list[str]:
    metrics = {reference.split: {reference.metric: reference.value}}
    return [
        f"*{reference.model} (published)*",
        corpus,
        "",
        f"{reference.parameters:,}" if reference.parameters is not None else "",
        *(_columns(metrics, column) for column in columns),
        "",
        "",
        "",
        "; ".join(filter(None, (reference.source, reference.note))),
    ]


def _columns(metrics: dict[str, dict[str, float]], column: _Column) -> str:
    return " / ".join(_value(metrics.get(split, {}), column) for split in _SPLITS)


def _value(metrics: dict[str, float], column: _Column) -> str:
    value = metrics.get(column.metric)
    if value is None:
        return "-"
    text = readable(value * column.factor, column.digits)
    return text + asterisk(metrics, "bits_per_character") * column.per_character


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")
