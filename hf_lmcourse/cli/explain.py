"""`lmcourse explain`: write a model as one HTML page, which computes in the browser."""

import argparse
from pathlib import Path

from ..browser.model_page import model_page
from ..errors import LmcourseError
from ..report.files import check_writable, write_text

_AT_MOST = 2
_LARGE_BYTES = 50e6  # a browser takes seconds to open more


def run(arguments: list[str]) -> int:
    """Write the page, and print its size."""
    options = _parser().parse_args(arguments)
    page = Path(options.page)
    if len(options.models) > _AT_MOST:
        raise LmcourseError(f"a page compares {_AT_MOST} models at most, not {len(options.models)}")
    if not page.name.endswith((".html", ".htm")):
        raise LmcourseError(f"the last word names the page, and {page} does not end in .html")
    check_writable(page.parent, "the last word")
    html = model_page(
        options.models, options.rounding, data=options.data, data_dir=options.data_dir
    )
    write_text(page, html)
    size = page.stat().st_size
    print(f"{page}: {size / 1e6:,.2f} MB, opens in any browser")
    if size > _LARGE_BYTES:
        print("A browser takes long to open so large a page; --int8 writes the smallest one.")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("lmcourse explain", description=__doc__)
    add = parser.add_argument
    add("models", nargs="+", help="Run folder, saved model or id on the Hub; two are compared.")
    add("page", help="The HTML file.")
    weights = parser.add_mutually_exclusive_group()
    for rounding, meaning in (
        ("float32", "Keep the weights as they are, twice the size of float16."),
        ("int8", "Round to int8 with a scale per row, half the size of float16."),
    ):
        weights.add_argument(
            f"--{rounding}", dest="rounding", action="store_const", const=rounding, help=meaning
        )
    add("--data", help="Corpus to measure the rounding on (that of the run).")
    add("--data_dir", help="Folder of local corpora (environment: LMCOURSE_DATA).")
    parser.set_defaults(rounding="float16")
    return parser
