"""`lmcourse theory`: show the derivations of the course, and check them numerically."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from ..errors import LmcourseError
from ..theory.items import ITEMS, latex, run_check, statement


def run(arguments: list[str]) -> int:
    """Print the statement of an item, run its check and print the values; or list the items.

    With `--latex` print the derivation as LaTeX, and nothing else.

    Args:
        arguments: See `lmcourse theory --help`.

    Returns:
        The exit status: 0, or 1 if a check fails.
    """
    options = _parser().parse_args(arguments)
    if options.item is None:
        if options.plot or options.latex:
            option = "--plot" if options.plot else "--latex"
            raise LmcourseError(f"{option} needs an item: see `lmcourse theory` for the list")
        print(_list())
        return 0
    items = ITEMS if options.item == "all" else (options.item,)
    if options.latex:
        if options.plot:
            raise LmcourseError("--latex prints the derivation alone: leave out --plot")
        print("\n".join(map(_latex_part, items)), end="")
        return 0
    drawings = _drawings(items, Path(options.plot)) if options.plot else {}
    passed = True
    for item in items:
        print(f"{statement(item)}\n")
        outcome = run_check(item)
        print(f"{outcome}\n")
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


def _latex_part(item: str) -> str:
    """Return the derivation with its title as a comment and what it needs."""
    return f"% {statement(item).splitlines()[0]}\n% \\usepackage{{amsmath,amssymb}}\n{latex(item)}"


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
    add("--latex", action="store_true", help="Print the derivation as LaTeX, without the check.")
    return parser
