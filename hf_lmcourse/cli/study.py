"""`lmcourse study`: train one model repeatedly, with one setting varied."""

import argparse
from pathlib import Path

from ..report.files import check_writable
from ..studies.plots import plot_study
from ..studies.run_study import run_study
from ..studies.study_file import read_study
from ..studies.table import study_table, write_study_csv


def run(arguments: list[str]) -> int:
    """Run a study, or continue it where it stopped; write its table, CSV file and plots."""
    options, others = _parser().parse_known_args(arguments)
    study = read_study(options.study)
    folder = Path(options.output_dir or f"runs/{study.name}")
    results_dir = Path(options.results_dir) if options.results_dir else None
    check_writable(folder, "--output_dir")
    if results_dir is not None:
        check_writable(results_dir, "--results_dir")
    record = run_study(study, folder, results_dir, tuple(others))
    write_study_csv(record, folder / f"{study.name}.csv")
    plot_study(record, folder)
    print(f"\n{study_table(record)}\n\nThe table, points and plots are in {folder}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "lmcourse study",
        description=__doc__,
        epilog="Further options are passed to every training run.",
    )
    add = parser.add_argument
    add("study", help="Name of a study of the package, or a YAML file.")
    add("--output_dir", help="Folder of the study (runs/<name of the study>).")
    add("--results_dir", help="Also write the results to <name>.json in this folder.")
    return parser
