"""Every finished study on one page: what was varied, the figures, the picture."""

from pathlib import Path
from typing import Any

from ..report.json_files import read_records
from ..report.redact import make_shareable
from ..report.tables import MODEL_TITLES, markdown_table
from .table import factors_of, levels_of, study_costs, study_rows

__all__ = ["has_curves", "load_studies", "study_page"]

_INTRODUCTION = """# Studies

One model trained again and again with one thing changed, or scored in several ways. Each section is
a file of this folder, written by the command that stands in it; `python scripts/results_table.py`
makes this page and its pictures. The spread is the standard deviation over the seeds; of a single
seed nobody knows it, and variants that differ by less than seeds do elsewhere do not differ. Memory
is that of the whole process, which trains one point after the other: what libraries keep from one
is there in the next. Memory of a single step, in a fresh process, is among the benchmarks. Coverage
is the share of the vocabulary's words, and of the running ones, that have a vector in the file."""


def load_studies(directory: str | Path) -> list[dict[str, Any]]:
    """Read every study of a folder of results, sorted by name; other results are left out.

    Raises:
        LmcourseError: a file is no JSON.
    """
    return [
        record
        for record in read_records(directory)
        if isinstance(record, dict) and ("factor" in record or "factors" in record)
    ]


def has_curves(study: dict[str, Any]) -> bool:
    """Whether there is something to draw: what was only scored has no course of training."""
    return any("curves" in point or "history" in point for point in study["points"])


def study_page(studies: list[dict[str, Any]], plots: str) -> str:
    """Format all studies as one page of Markdown.

    Args:
        studies: From `load_studies`.
        plots: Folder of the plots as the page links to it, each named `<name>.png`.
    """
    sections = [_INTRODUCTION, *(_section(study, plots) for study in studies)]
    return "\n\n".join(sections) + "\n"


def _section(study: dict[str, Any], plots: str) -> str:
    title = MODEL_TITLES.get(study["model_type"], study["model_type"])
    devices = ", ".join(sorted({f"{p['device']}, {p['threads']}" for p in study["points"]}))
    commits = ", ".join(sorted({str(point["commit"]) for point in study["points"]}))
    parts = [
        f"## {study['name']}",
        f"{title} on {study['corpus']}: `{make_shareable(study['command'])}`",
        f"Device and threads: {devices}; commit {commits}.",
    ]
    if has_curves(study):
        parts.append(f"![{study['name']}]({plots}/{study['name']}.png)")
    return "\n\n".join([*parts, _table(study)])


def _table(study: dict[str, Any]) -> str:
    costs, levels, beside = study_costs(study), levels_of(study), _figures_beside(study)
    header = [*factors_of(study), "split", study["metric"], "spread", "seeds", *beside]
    rows = []
    for variant, split, value, spread, seeds in study_rows(study):
        figures = [f"{value:.4f}", f"{spread:.4f}" if seeds > 1 else "-", str(seeds)]
        figures += [column[variant, split] for column in beside.values()]
        rows.append([*levels[variant], split, *figures, *costs.get(variant, ())])
    header += ["ms a step", "MB at the peak"] if costs else []
    return markdown_table([name.replace("_", " ") for name in header], rows)


_BESIDE = (("tokens", "{:,}"), ("unknown_share", "{:.1%}"), ("bits_per_character", "{:.4f}"))


_WHERE_THERE_IS_ONE = (
    ("log_probability_rank", "rank", "{:,}"),
    ("vector_type_coverage", "coverage of words", "{:.1%}"),
    ("vector_token_coverage", "of running words", "{:.1%}"),
)


def _figures_beside(study: dict[str, Any]) -> dict[str, dict[tuple[str, str], str]]:
    """What else a reader has to know where variants differ in more than the metric.

    That is their parameters, where they cut the text in another way the figures of the tokens, and
    the rank of their log-probabilities and the coverage of their vectors where these are known.

    Returns:
        Columns by title: the figure of the first seed by variant and split.
    """
    points = {point["variant"]: point for point in reversed(study["points"])}
    columns = {}
    if len({point.get("parameters") for point in points.values()}) > 1:
        columns["parameters"] = {
            (variant, split): f"{point['parameters']:,}"
            for variant, point in points.items()
            for split in point["metrics"]
        }
    scores = {(v, split): m for v, point in points.items() for split, m in point["metrics"].items()}
    cuts = {(split, m.get("tokens")) for (_, split), m in scores.items()}
    if len(cuts) > len({split for split, _ in cuts}):
        for name, form in _BESIDE:
            columns[name] = {key: form.format(m[name]) for key, m in scores.items()}
    for name, title, form in _WHERE_THERE_IS_ONE:
        if any(name in figures for figures in scores.values()):
            columns[title] = {
                key: form.format(figures[name]) if name in figures else "-"
                for key, figures in scores.items()
            }
    return columns
