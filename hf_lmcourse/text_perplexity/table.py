"""Scores as a table: for the terminal, in Markdown, CSV and JSON."""

import csv
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..report.markdown import escaped
from ..report.numbers import readable
from ..report.tables import aligned_table, markdown_table
from .comparability import RULE, bits_key, comparisons, groups, token_key
from .score import TextScore

BASES = {"2": (2.0, "bits"), "e": (math.e, "nats"), "10": (10.0, "dits")}
"""Base of the logarithm and unit of surprisal, by name; a dit is also called a hartley."""


@dataclass(frozen=True)
class _Column:
    """A column: its heading, its cells, and whether it is shown."""

    heading: str
    cell: Callable[[TextScore], str]
    shown: Callable[[Sequence[TextScore]], bool] = lambda scores: True
    right: bool = True


def entropy(score: TextScore, base: str) -> tuple[float, float]:
    """Return the cross-entropy of a token in the unit of a base b, and the perplexity b^(it).

    The perplexity is the same in every base, up to rounding.
    """
    b, _ = BASES[base]
    cross_entropy = score.metrics["nats_per_token"] / math.log(b)
    try:
        return cross_entropy, b**cross_entropy
    except OverflowError:
        return cross_entropy, math.inf


def text_table(scores: Sequence[TextScore], base: str = "e") -> str:
    """Format the table as aligned text for the terminal."""
    columns, cells = _cells(scores, base)
    return aligned_table(cells, [i for i, column in enumerate(columns) if not column.right])


def markdown_rows(scores: Sequence[TextScore], base: str = "e") -> str:
    """Format the table in Markdown."""
    columns, (header, *rows) = _cells(scores, base)
    shown = [
        [cell if column.right else escaped(cell) for column, cell in zip(columns, row, strict=True)]
        for row in rows
    ]
    return markdown_table(header, shown)


def csv_table(scores: Sequence[TextScore], base: str = "e") -> str:
    """Format the unrounded values as CSV, one row per line, with a header."""
    rows = [_record(score, base, *letters) for score, letters in _with_groups(scores)]
    file = io.StringIO()
    writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def json_record(scores: Sequence[TextScore], base: str = "e") -> dict[str, Any]:
    """Return the rows, the rule of comparison and its result for every two rows of a text.

    A perplexity beyond the largest float is `None`.
    """
    rows = [_record(score, base, *letters) for score, letters in _with_groups(scores)]
    finite = [
        {k: None if isinstance(v, float) and math.isinf(v) else v for k, v in row.items()}
        for row in rows
    ]
    pairs = [{"rows": [i, j], **asdict(pair)} for i, j, pair in comparisons(scores)]
    return {"rule": RULE, "base": base, "rows": finite, "comparisons": pairs}


def _cells(scores: Sequence[TextScore], base: str) -> tuple[list[_Column], list[list[str]]]:
    letters = {id(score): pair for score, pair in _with_groups(scores)}
    columns = [c for c in _columns(base, letters) if c.shown(scores)]
    return columns, [[c.heading for c in columns], *([c.cell(s) for c in columns] for s in scores)]


def _columns(base: str, letters: dict[int, tuple[str, str]]) -> list[_Column]:
    def metric(name: str, digits: int) -> Callable[[TextScore], str]:
        return lambda s: readable(s.metrics[name], digits) + s.asterisk

    return [
        _Column("model", lambda s: s.model, right=False),
        _Column("passage", lambda s: s.text.name, right=False),
        _Column("text", lambda s: s.text.preprocessing, _any_preprocessing, right=False),
        _Column("changed", lambda s: f"{s.text.changed:.1%}", _any_preprocessing),
        _Column("tokens", lambda s: f"{int(s.metrics['tokens']):,}"),
        _Column("perplexity", lambda s: readable(entropy(s, base)[1], 2)),
        _Column(f"{BASES[base][1]}/token", lambda s: readable(entropy(s, base)[0], 4)),
        _Column("bits/char", metric("bits_per_character", 3)),
        _Column("spelled", _spelled, any_spelled),
        _Column("bits/byte", metric("bits_per_byte", 3)),
        _Column("word ppl", metric("word_perplexity", 1)),
        _Column("unknown", lambda s: f"{s.metrics['unknown_share']:.1%}"),
        _Column("in training", _seen, lambda scores: any(s.overlap for s in scores)),
        _Column("compare bits", lambda s: letters[id(s)][0]),
        _Column("compare ppl", lambda s: letters[id(s)][1]),
    ]


def _any_preprocessing(scores: Sequence[TextScore]) -> bool:
    return any(score.text.preprocessing != "raw" for score in scores)


def any_spelled(scores: Sequence[TextScore]) -> bool:
    """Return whether something in some text is to be spelled, or cannot be."""
    keys = ("bits_per_character_spelled", "bits_per_character")
    return any(
        score.metrics["unknown_share"] or len({score.metrics.get(key) for key in keys}) > 1
        for score in scores
    )


def _spelled(score: TextScore) -> str:
    bits = score.metrics.get("bits_per_character_spelled")
    return "-" if bits is None else readable(bits, 3)


def _seen(score: TextScore) -> str:
    if score.overlap is None:
        return "?"
    return "verbatim" if score.overlap.verbatim else f"{score.overlap.windows:.1%}"


def _with_groups(scores: Sequence[TextScore]) -> list[tuple[TextScore, tuple[str, str]]]:
    """Pair each score with its letters for bits per character and for perplexity."""
    letters = zip(groups(scores, bits_key), groups(scores, token_key), strict=True)
    return list(zip(scores, letters, strict=True))


def _record(score: TextScore, base: str, bits_group: str, token_group: str) -> dict[str, Any]:
    """Flatten one row, with the keys of the result files."""
    overlap, text = score.overlap, score.text
    return {
        "model": score.model,
        "model_type": score.model_type,
        "parameters": score.parameters,
        "vocabulary": score.vocabulary,
        "passage": text.name,
        "preprocessing": text.preprocessing,
        "changed_share": text.changed,
        "characters": text.facts.characters,
        "bytes": text.facts.bytes,
        **score.metrics,
        "bits_per_character_spelled": score.metrics.get("bits_per_character_spelled"),
        "perplexity": entropy(score, base)[1],
        f"{BASES[base][1]}_per_token": entropy(score, base)[0],
        "nats": score.total_nats,
        "temperature": score.temperature,
        "first_token_from": score.start,
        "context": score.context.kind,
        "context_longest": score.context.longest,
        "context_least": score.context.least,
        "context_mean": score.context.mean,
        "lossless": score.encoded.lossless,
        "training_text": None if overlap is None else overlap.source,
        "verbatim_in_training_text": None if overlap is None else overlap.verbatim,
        "stretches_in_training_text": None if overlap is None else overlap.windows,
        "words_in_training_text": None if overlap is None else overlap.words,
        "comparable_bits_per_character": bits_group,
        "comparable_perplexity": token_group,
    }
