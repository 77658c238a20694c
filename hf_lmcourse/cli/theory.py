"""`lmcourse theory`: show the derivations of the course, and check them numerically."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from ..errors import LmcourseError
from ..report.tables import aligned_table
from ..theory.check_result import CheckResult, Row, Table
from ..theory.items import ITEMS, run_check, statement


def run(arguments: list[str]) -> int:
    """Print the statement of an item, run its check and print the values; or list the items.

    Args:
        arguments: See `lmcourse theory --help`.

    Returns:
        The exit status: 0, or 1 if a check fails.
    """
    options = _parser().parse_args(arguments)
    if options.item is None:
        if options.plot:
            raise LmcourseError("--plot needs an item: see `lmcourse theory` for the list")
        print(_list())
        return 0
    items = ITEMS if options.item == "all" else (options.item,)
    drawings = _drawings(items, Path(options.plot)) if options.plot else {}
    passed = True
    for item in items:
        print(f"{statement(item)}\n")
        outcome = run_check(item)
        print(f"{_report(outcome)}\n")
        passed &= outcome.ok
    for path, draw in drawings.items():
        draw(path)
        print(f"wrote {path}")
    return 0 if passed else 1


def _list() -> str:
    width = max(map(len, ITEMS))
    lines = (f"  {item:<{width}}  {statement(item).splitlines()[0]}" for item in ITEMS)
    return "\n".join(
        [*lines, "", "lmcourse theory ITEM shows one item, lmcourse theory all shows all of them."]
    )


def _report(outcome: CheckResult) -> str:
    header = ("checked", "closed form", "reference", "difference", "allowed", "")
    failed = sum(not row.ok for row in outcome.rows)
    count = len(outcome.rows)
    return "\n".join(
        [
            *(_table(table) + "\n" for table in outcome.tables),
            aligned_table([header, *map(_row, outcome.rows)]),
            "(for a vector or matrix: its Euclidean norm, and the largest difference of an entry)",
            f"{failed} of {count} checks FAILED" if failed else f"all {count} checks passed",
        ]
    )


def _row(row: Row) -> tuple[str, ...]:
    values = (f"{row.ours:.8g}", f"{row.reference:.8g}")
    errors = (f"{row.difference:.1e}", f"{row.allowed:.1e}")
    return (row.quantity, *values, *errors, "ok" if row.ok else "FAILED")


def _table(table: Table) -> str:
    rows = [[_number(cell) for cell in row] for row in table.rows]
    return f"{table.title}\n{aligned_table([table.columns, *rows])}"


def _number(cell: str | float) -> str:
    if isinstance(cell, str):
        return cell
    if float(cell).is_integer() and abs(cell) < 1e15:
        return f"{int(cell):,}"
    return f"{cell:,.1f}" if abs(cell) >= 1000 else f"{cell:#.4g}"


def _drawings(items: Sequence[str], folder: Path) -> dict[Path, Callable[[Path], None]]:
    """Find the function that draws the plot of each item that has one."""
    from ..theory.plots import PLOTS  # imports matplotlib, which only --plot needs

    drawings = {folder / f"{item}.png": PLOTS[item] for item in items if item in PLOTS}
    if not drawings:
        raise LmcourseError(f"{items[0]} has no plot; {' and '.join(PLOTS)} have one")
    return drawings


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("lmcourse theory", description=__doc__)
    add = parser.add_argument
    add("item", nargs="?", help="One of the items, or all; without it the items are listed.")
    add("--plot", metavar="FOLDER", help="Also save the plot of the item in this folder.")
    return parser
