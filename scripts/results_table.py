"""Write the tables of README.md and the pages of results/ from the result files, or check them.

The pages are results/README.md, results/BENCHMARKS.md and results/STUDIES.md, with their plots in
results/plots/; results/passages/perplexity.png is drawn from the JSON file next to it. Of README.md
and results/README.md only the text between markers is written: `<!-- results:best -->` is the best
result of each model, `<!-- results:CORPUS -->` are the results on a corpus and
`<!-- results:all -->` those on every corpus; `<!-- /results:NAME -->` ends each.
"""

import argparse
import math
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.page import benchmark_page, plot_name
from benchmarks.plots import plot_benchmark
from benchmarks.records import by_name, load_benchmarks
from hf_lmcourse.errors import LmcourseError
from hf_lmcourse.report.json_files import read_json
from hf_lmcourse.report.references import PUBLISHED_RESULTS
from hf_lmcourse.report.results import RunResult, load_results
from hf_lmcourse.report.tables import (
    MODEL_TITLES,
    markdown_table,
    marker_names,
    replace_between_markers,
    results_table,
    same_corpus,
)
from hf_lmcourse.report.unknown_words import asterisk
from hf_lmcourse.studies.page import has_curves, load_studies, study_page
from hf_lmcourse.studies.plots import study_plots
from hf_lmcourse.text_perplexity.plots import plot_perplexities

__all__ = ["main"]


@dataclass(frozen=True)
class _Column:
    """A column of the table of best results.

    Attributes:
        heading: Its title.
        corpus, split, metric: What it shows; the best run is chosen on the validation split.
        factor: What the metric is multiplied by.
        digits: Number of decimal places.
        sign: 1 if lower is better, -1 if higher is better.
    """

    heading: str
    corpus: str
    split: str
    metric: str
    factor: float = 1
    digits: int = 2
    sign: int = 1

    def value(self, result: RunResult, split: str) -> float:
        """The metric of a result on a split, NaN if it has none."""
        return result.metrics.get(split, {}).get(self.metric, math.nan)


_COLUMNS = (
    _Column(
        "tiny Shakespeare, bits per character (validation)",
        *("tiny_shakespeare", "validation", "bits_per_character"),
        digits=3,
    ),
    _Column("PTB, perplexity (test)", "ptb", "test", "perplexity"),
    _Column("WikiText-2, perplexity (test)", "wikitext-2", "test", "perplexity"),
    _Column("IMDB, accuracy in % (test)", "imdb", "test", "accuracy", factor=100, sign=-1),
)


def best_table(results: Sequence[RunResult], root: str) -> str:
    """Write the best result of each model and corpus, linked to the YAML that repeats it.

    Args:
        results: Results of runs.
        root: Path from the document to the root of the repository, empty or ending in a slash.

    Returns:
        The table: a row per model in the order of the course, a column per corpus.
    """
    rows = []
    for model_type, title in MODEL_TITLES.items():
        ours = [r for r in results if r.model_type == model_type and r.config]
        cells = [_best_cell(column, ours, root) for column in _COLUMNS]
        if any(cells):
            rows.append([title, *cells])
    return markdown_table(["model", *(column.heading for column in _COLUMNS)], rows)


def _best_cell(column: _Column, results: Sequence[RunResult], root: str) -> str:
    there = [
        r
        for r in results
        if r.corpus == column.corpus and not math.isnan(column.value(r, column.split))
    ]
    if not there:
        return ""
    best = min(there, key=lambda r: column.sign * column.value(r, "validation"))
    value = f"{column.factor * column.value(best, column.split):.{column.digits}f}"
    value += asterisk(best.metrics[column.split], column.metric)
    return f"[{value}]({root}{best.config})"


def fill_markers(document: str, results: Sequence[RunResult], root: str = "") -> str:
    """Write the tables of a document between its markers.

    Args:
        document: The document.
        results: Results of runs.
        root: As for `best_table`.

    Returns:
        The new document.
    """
    for name in marker_names(document):
        if name == "best":
            table = best_table(results, root)
        else:
            chosen = [r for r in results if name == "all" or same_corpus(name, r.corpus)]
            table = results_table(chosen, PUBLISHED_RESULTS)
            table = table.replace("](configs/", f"]({root}configs/")
        document = replace_between_markers(document, name, table)
    return document


def write_document(path: Path, results: Sequence[RunResult], root: str, check: bool) -> bool:
    """Fill the markers of a file, unless `check`; return whether it was out of date."""
    old = path.read_text(encoding="utf-8")
    new = fill_markers(old, results, root)
    if new != old and not check:
        path.write_text(new, encoding="utf-8")
    return new != old


def write_page(
    path: Path, page: str, plots: dict[str, Callable[[Path], None]], check: bool
) -> bool:
    """Write a page and its plots, by name, unless `check`; return whether they were out of date."""
    files = {path.parent / "plots" / f"{name}.png": draw for name, draw in plots.items()}
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    if page == old and all(file.exists() for file in files):
        return False
    if not check:
        path.write_text(page, encoding="utf-8")
        for file, draw in files.items():
            draw(file)
    return True


def write_benchmarks(folder: Path, check: bool) -> bool:
    """Write the page of benchmarks if there are any; see `write_page`."""
    records = load_benchmarks(folder)
    plots = {plot_name(name): partial(plot_benchmark, r) for name, r in by_name(records).items()}
    page = benchmark_page(records, "plots")
    return bool(records) and write_page(folder / "BENCHMARKS.md", page, plots, check)


def write_studies(folder: Path, check: bool) -> bool:
    """Write the page of studies if there are any; see `write_page`."""
    studies = load_studies(folder)
    plots = {p.name: p.draw for s in studies if has_curves(s) for p in study_plots(s)}
    page = study_page(studies, "plots")
    return bool(studies) and write_page(folder / "STUDIES.md", page, plots, check)


def draw_passages(folder: Path, check: bool) -> bool:
    """Draw the plot of the published perplexities of texts, unless `check`, and if there are any.

    Returns:
        Whether the plot was missing.
    """
    record, plot = folder / "passages" / "perplexity.json", folder / "passages" / "perplexity.png"
    missing = record.exists() and not plot.exists()
    if record.exists() and not check:
        plot_perplexities(read_json(record)["rows"], plot)
    return missing


def main(arguments: list[str] | None = None) -> int:
    """Write or check everything; return 0, 1 if a file is out of date, or 2 on bad input."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder of results")
    parser.add_argument("--readme", type=Path, default=Path("README.md"), help="the document")
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 if out of date")
    options = parser.parse_args(arguments)
    folder, check = options.results, options.check
    try:
        results = load_results(folder)
        stale = {str(options.readme): write_document(options.readme, results, "", check)}
        if (folder / "README.md").exists():
            root = f"{os.path.relpath(options.readme.parent, folder)}/"
            stale["results/README.md"] = write_document(folder / "README.md", results, root, check)
        stale["BENCHMARKS.md"] = write_benchmarks(folder, check)
        stale["STUDIES.md"] = write_studies(folder, check)
        stale["passages/perplexity.png"] = draw_passages(folder, check)
    except LmcourseError as error:
        print(error, file=sys.stderr)
        return 2
    if check and any(stale.values()):
        names = ", ".join(name for name, changed in stale.items() if changed)
        print(f"{names}: out of date, run scripts/results_table.py.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
