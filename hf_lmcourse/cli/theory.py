"""`lmcourse theory`: the derivations of the course, each with a check that runs."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from ..errors import LmcourseError
from ..theory.check_result import Outcome, Row, Table
from ..theory.items import ITEMS, run_check, statement

__all__ = ["run"]


def run(arguments: list[str]) -> int:
    """Print an item's statement, run its check, and show the numbers; without an item list them.

    Args:
        arguments: see `lmcourse theory --help`.

    Returns:
        The exit status: 0, or 1 where a check fails.
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
        try:
            draw(path)
        except OSError as error:
            raise LmcourseError(f"cannot write {path}: {error.strerror}") from error
        print(f"wrote {path}")
    return 0 if passed else 1


def _list() -> str:
    width = max(map(len, ITEMS))
    lines = (f"  {item:<{width}}  {statement(item).splitlines()[0]}" for item in ITEMS)
    return "\n".join(
        [*lines, "", "lmcourse theory ITEM shows one, lmcourse theory all all of them."]
    )


def _report(outcome: Outcome) -> str:
    failed = sum(not row.ok for row in outcome.rows)
    count = len(outcome.rows)
    return "\n".join(
        [
            *(_table(table) + "\n" for table in outcome.tables),
            _aligned(
                ("checked", "closed form", "reference", "difference", "allowed", ""),
                [_row(row) for row in outcome.rows],
            ),
            "(of a vector or matrix: its Euclidean norm, and the largest difference of an entry)",
            f"{failed} of {count} checks FAILED" if failed else f"all {count} checks passed",
        ]
    )


def _row(row: Row) -> tuple[str, ...]:
    numbers = (f"{row.ours:.8g}", f"{row.reference:.8g}")
    errors = (f"{row.difference:.1e}", f"{row.allowed:.1e}")
    return (row.quantity, *numbers, *errors, "ok" if row.ok else "FAILED")


def _table(table: Table) -> str:
    rows = [tuple(_number(cell) for cell in row) for row in table.rows]
    return f"{table.title}\n{_aligned(table.columns, rows)}"


def _number(cell: str | float) -> str:
    if isinstance(cell, str):
        return cell
    if float(cell).is_integer() and abs(cell) < 1e15:
        return f"{int(cell):,}"
    return f"{cell:,.1f}" if abs(cell) >= 1000 else f"{cell:#.4g}"


def _aligned(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    lines = []
    for cells in (columns, *rows):
        first, *rest = (
            f"{cell:<{width}}" if index == 0 else f"{cell:>{width}}"
            for index, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        lines.append("  ".join(["", first, *rest]).rstrip())
    return "\n".join(lines)


def _drawings(items: Sequence[str], folder: Path) -> dict[Path, Callable[[Path], None]]:
    """What draws each picture that is to be written."""
    from ..theory.plots import PICTURES  # matplotlib, which only --plot needs

    drawings = {folder / f"{item}.png": PICTURES[item] for item in items if item in PICTURES}
    if not drawings:
        raise LmcourseError(f"{items[0]} has no picture; there is one of {' and '.join(PICTURES)}")
    return drawings


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("lmcourse theory", description=__doc__)
    parser.add_argument("item", nargs="?", help="one of the items, or all; without one: the list")
    parser.add_argument("--plot", metavar="FOLDER", help="also draw the item's picture there")
    return parser
