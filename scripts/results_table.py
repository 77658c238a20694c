"""Write the tables of README.md from the files in results/, and the page of benchmarks; or check.

The page is results/BENCHMARKS.md, with pictures in results/plots/. What is written by hand in it
stands in hf_lmcourse/benchmarks/README.md.
"""

import argparse
import sys
from pathlib import Path

import hf_lmcourse.benchmarks
from hf_lmcourse.errors import LmcourseError
from hf_lmcourse.report.benchmark_plots import plot_benchmark
from hf_lmcourse.report.benchmarks import BenchmarkRecord, benchmark_page, load_benchmarks
from hf_lmcourse.report.references import PUBLISHED_RESULTS
from hf_lmcourse.report.results import RunResult, load_results
from hf_lmcourse.report.tables import (
    marker_names,
    replace_between_markers,
    results_table,
    same_corpus,
)


def fill_markers(document: str, results: list[RunResult]) -> str:
    """Put the table of CORPUS at each `<!-- results:CORPUS -->`; "all" stands for every corpus."""
    for name in marker_names(document):
        chosen = [r for r in results if name == "all" or same_corpus(name, r.corpus)]
        document = replace_between_markers(document, name, results_table(chosen, PUBLISHED_RESULTS))
    return document


def write_page(records: list[BenchmarkRecord], folder: Path, check: bool) -> bool:
    """Write the page of benchmarks and its pictures where it has changed; return whether it has."""
    path = folder / "BENCHMARKS.md"
    introduction = Path(hf_lmcourse.benchmarks.__path__[0], "README.md").read_text(encoding="utf-8")
    page = benchmark_page(records, introduction, "plots")
    pictures = [folder / "plots" / f"benchmark_{record.name}.png" for record in records]
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    if page == old and all(picture.exists() for picture in pictures):
        return False
    if not check:
        path.write_text(page, encoding="utf-8")
        for record, picture in zip(records, pictures, strict=True):
            plot_benchmark(record, picture)
    return True


def main(arguments: list[str] | None = None) -> int:
    """Return 0, or 1 where --check finds the document out of date, or 2 on bad input."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder of results")
    parser.add_argument("--readme", type=Path, default=Path("README.md"), help="the document")
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 if out of date")
    options = parser.parse_args(arguments)
    old = options.readme.read_text(encoding="utf-8")
    try:
        new = fill_markers(old, load_results(options.results))
        records = load_benchmarks(options.results)
        page_changed = bool(records) and write_page(records, options.results, options.check)
    except LmcourseError as error:
        print(error, file=sys.stderr)
        return 2
    if new == old and not page_changed:
        return 0
    if options.check:
        stale = options.readme if new != old else options.results / "BENCHMARKS.md"
        print(f"{stale} is out of date; run scripts/results_table.py.", file=sys.stderr)
        return 1
    options.readme.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
