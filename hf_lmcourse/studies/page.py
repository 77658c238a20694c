"""The page of all finished studies: what was varied, the results, the plot."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

from ..report.json_files import read_records, with_infinities
from ..report.markdown import code, escaped
from ..report.redact import redacted
from ..report.tables import MODEL_TITLES, markdown_table
from ..report.unknown_words import ASTERISK_NOTE, asterisk
from ..runs.recipes import study_description
from .curves import seconds_to_reach
from .plots import study_plots
from .quantities import same_tokens
from .selection import factors_of, levels_of, shown_splits
from .table import study_cells, study_costs

_INTRODUCTION = """# Studies

One model trained repeatedly with one thing changed, or scored in several ways. Each section is a
file of this folder, written by the command in it; `python scripts/results_table.py` makes this page
and its plots. Variants are compared on the validation split, and the test split is shown for the
one that validation picks; files of older studies hold the test scores of the others too. Models
that are only scored, such as with adaptation, are shown on the split that their command names. The
spread is the standard deviation over the seeds; for a single seed it is unknown, and a difference
smaller than the spread of similar runs means nothing. Plots show at most eight lines: of more, the
first and those that are best on validation. Memory is that of the whole process, which
trains one point after the other, so that it includes what libraries keep from the points before;
the benchmarks measure a single step in a fresh process. Coverage is the share of the vocabulary,
and of the running words, that has a pretrained vector.

A study compares its variants after as much training as its settings say: what gains nothing in a
short training may gain in a long one."""


def load_studies(directory: str | Path) -> list[dict[str, Any]]:
    """Read the studies of a folder of results, sorted by name; other results are skipped.

    Raises:
        LmcourseError: A file is not JSON.
    """
    return [
        record | {"points": [_restored(point) for point in record["points"]]}
        for record in read_records(directory)
        if isinstance(record, dict) and ("factor" in record or "factors" in record)
    ]


def _restored(point: dict[str, Any]) -> dict[str, Any]:
    return point | {"metrics": with_infinities(point["metrics"])}


def has_curves(study: dict[str, Any]) -> bool:
    """Whether there are curves to plot; a study that only scores models has none."""
    return any("curves" in point or "history" in point for point in study["points"])


def study_page(studies: list[dict[str, Any]], plots: str) -> str:
    """Format all studies as one page of Markdown.

    Args:
        studies: From `load_studies`.
        plots: Folder of the plots as the page links to it; see `study_plots` for their names.
    """
    sections = [_INTRODUCTION, *(_section(study, plots) for study in studies)]
    return "\n\n".join(sections) + "\n"


def _section(study: dict[str, Any], plots: str) -> str:
    title = MODEL_TITLES.get(study["model_type"], study["model_type"])
    devices = ", ".join(sorted({f"{p['device']}, {p['threads']}" for p in study["points"]}))
    commits = ", ".join(sorted({str(point["commit"]) for point in study["points"]}))
    parts = [
        f"## {escaped(study['name'])}",
        f"{title} on {escaped(study['corpus'])}: {code(redacted(study['command']))}",
        f"Device and threads: {devices}; commit {commits}.",
    ]
    if description := study_description(study["name"]):
        parts.insert(1, escaped(description))
    if has_curves(study):
        parts += [
            f"![{escaped(plot.title)}]({plots}/{quote(plot.name)}.png)"
            for plot in study_plots(study)
        ]
    return "\n\n".join([*parts, _table(study)])


def _table(study: dict[str, Any]) -> str:
    costs, levels, extra = study_costs(study), levels_of(study), _extra_columns(study)
    header = [*factors_of(study), "split", study["metric"], "spread", "seeds", *extra]
    rows = []
    for variant, split, *numbers in study_cells(study):
        numbers += [column[variant, split] for column in extra.values()]
        rows.append([*map(escaped, levels[variant]), split, *numbers, *costs.get(variant, ())])
    header += ["ms per step", "peak MB"] if costs else []
    table = markdown_table([name.replace("_", " ") for name in header], rows)
    marked = any(cell.endswith("*") for row in rows for cell in row[len(factors_of(study)) :])
    return f"{table}\n\n\\{ASTERISK_NOTE}" if marked else table


_PER_TOKENIZATION = (
    ("tokens", "{:,}"),
    ("unknown_share", "{:.1%}"),
    ("bits_per_character", "{:.4f}"),
)
_IF_PRESENT = (
    ("log_probability_rank", "rank", "{:,}"),
    ("vector_type_coverage", "coverage of words", "{:.1%}"),
    ("vector_token_coverage", "of running words", "{:.1%}"),
)


def _extra_columns(study: dict[str, Any]) -> dict[str, dict[tuple[str, str], str]]:
    """Columns that only some studies have.

    These are the parameters and the tokens, if they differ between variants; the rank of the
    log-probabilities and the coverage of pretrained vectors, if known; the training time until the
    first variant's best perplexity, if curves are by seconds.

    Returns:
        Columns by title: the value of the first seed, by variant and split.
    """
    points = {point["variant"]: point for point in reversed(study["points"])}
    columns = {}
    if len({point.get("parameters") for point in points.values()}) > 1:
        columns["parameters"] = {
            (variant, split): f"{point['parameters']:,}"
            for variant, point in points.items()
            for split in point["metrics"]
        }
    splits = shown_splits(study)
    scores = {
        (v, split): point["metrics"][split] for v, point in points.items() for split in splits[v]
    }
    if not same_tokens(study):
        for name, form in _PER_TOKENIZATION:
            columns[name] = {
                key: form.format(m[name]) + asterisk(m, name) for key, m in scores.items()
            }
    for name, title, form in _IF_PRESENT:
        if any(name in values for values in scores.values()):
            columns[title] = {
                key: form.format(values[name]) if name in values else "-"
                for key, values in scores.items()
            }
    title, times = seconds_to_reach(study)
    if times:
        columns[title] = {(variant, split): times[variant] for variant, split in scores}
    return columns
