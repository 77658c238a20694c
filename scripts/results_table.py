"""Write the tables of README.md and two pages from the files in results/; or check them.

The pages are results/BENCHMARKS.md and results/STUDIES.md, with pictures in results/plots/. What is
written by hand in the first stands in hf_lmcourse/benchmarks/README.md.
"""

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import hf_lmcourse.benchmarks
from hf_lmcourse.errors import LmcourseError
from hf_lmcourse.report.benchmark_plots import plot_benchmark
from hf_lmcourse.report.benchmarks import benchmark_page, load_benchmarks
from hf_lmcourse.report.race import load_races
from hf_lmcourse.report.references import PUBLISHED_RESULTS
from hf_lmcourse.report.results import RunResult, load_results
from hf_lmcourse.report.tables import (
    marker_names,
    replace_between_markers,
    results_table,
    same_corpus,
)
from hf_lmcourse.studies.page import has_curves, load_studies, study_page
from hf_lmcourse.studies.plots import plot_study


def fill_markers(document: str, results: list[RunResult]) -> str:
    """Put the table of CORPUS at each `<!-- results:CORPUS -->`; "all" stands for every corpus."""
    for name in marker_names(document):
        chosen = [r for r in results if name == "all" or same_corpus(name, r.corpus)]
        document = replace_between_markers(document, name, results_table(chosen, PUBLISHED_RESULTS))
    return document


def write_page(
    path: Path, page: str, pictures: dict[str, Callable[[Path], None]], check: bool
) -> bool:
    """Write a page and its pictures, by name, where it has changed; return whether it has."""
    places = {path.parent / "plots" / f"{name}.png": draw for name, draw in pictures.items()}
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    if page == old and all(place.exists() for place in places):
        return False
    if not check:
        path.write_text(page, encoding="utf-8")
        for place, draw in places.items():
            draw(place)
    return True


def write_benchmarks(folder: Path, check: bool) -> bool:
    """The page of benchmarks, where there are any; see `write_page`."""
    records = load_benchmarks(folder)
    introduction = Path(hf_lmcourse.benchmarks.__path__[0], "README.md").read_text(encoding="utf-8")
    page = benchmark_page(records, introduction, "plots")
    pictures = {f"benchmark_{r.name}": partial(plot_benchmark, r) for r in records}
    return bool(records) and write_page(folder / "BENCHMARKS.md", page, pictures, check)


def write_studies(folder: Path, check: bool) -> bool:
    """The page of studies, where there are any; see `write_page`."""
    studies = load_studies(folder)
    pictures = {s["name"]: partial(plot_study, s) for s in studies if has_curves(s)}
    page = study_page(studies, "plots", load_races(folder))
    return bool(studies) and write_page(folder / "STUDIES.md", page, pictures, check)


def main(arguments: list[str] | None = None) -> int:
    """Return 0, or 1 where --check finds the document out of date, or 2 on bad input."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder of results")
    parser.add_argument("--readme", type=Path, default=Path("README.md"), help="the document")
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 if out of date")
    options = parser.parse_args(arguments)
    old = options.readme.read_text(encoding="utf-8")
    try:
        stale = {
            str(options.readme): (new := fill_markers(old, load_results(options.results))) != old,
            "BENCHMARKS.md": write_benchmarks(options.results, options.check),
            "STUDIES.md": write_studies(options.results, options.check),
        }
    except LmcourseError as error:
        print(error, file=sys.stderr)
        return 2
    if options.check and any(stale.values()):
        names = ", ".join(name for name, changed in stale.items() if changed)
        print(f"{names}: out of date, run scripts/results_table.py.", file=sys.stderr)
        return 1
    if new != old:
        options.readme.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
