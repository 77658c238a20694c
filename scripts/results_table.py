"""Write the tables of README.md from the files in results/, or check that they are up to date."""

import argparse
import sys
from pathlib import Path

from hf_lmcourse.errors import LmcourseError
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
    except LmcourseError as error:
        print(error, file=sys.stderr)
        return 2
    if new == old:
        return 0
    if options.check:
        print(f"{options.readme} is out of date; run scripts/results_table.py.", file=sys.stderr)
        return 1
    options.readme.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
