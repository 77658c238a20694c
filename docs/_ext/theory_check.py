"""The directive `theory-check`: what `lmcourse theory ITEM` computes, when the site is built."""

import io
from contextlib import redirect_stdout
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import SphinxError
from sphinx.util.docutils import SphinxDirective

from hf_lmcourse.cli import theory
from hf_lmcourse.theory.items import ITEMS, statement
from hf_lmcourse.theory.plots import PLOTS


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive, and the check that every question has a page."""
    app.add_directive("theory-check", _TheoryCheck)
    app.connect("env-check-consistency", _demand_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


class _TheoryCheck(SphinxDirective):
    """The output of the check of an item, and its plot if it has one.

    A check that fails, and an item that does not exist, are errors of the build.
    """

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        item = self.arguments[0]
        out = io.StringIO()
        with redirect_stdout(out):
            status = theory.run([item])
        if status:
            raise self.error(f"the check of {item} fails")
        report = out.getvalue().removeprefix(statement(item)).strip("\n")
        return [
            *self.parse_text_to_nodes(
                f"[The derivation as code](/hf_lmcourse/theory/{item}.py) is compared with another"
                f" method by [its check](/hf_lmcourse/theory/checks/{item}.py):"
            ),
            _block(f"lmcourse theory {item}", "bash"),
            _block(report, "text"),
            *self._plot(item),
        ]

    def _plot(self, item: str) -> list[nodes.Node]:
        if item not in PLOTS:
            return []
        path = Path(self.env.srcdir, "docs", "generated", f"{item}.png")
        path.parent.mkdir(exist_ok=True)
        PLOTS[item](path)
        return [nodes.image(uri=f"/docs/generated/{item}.png", alt=statement(item).split("\n")[0])]


def _block(text: str, language: str) -> nodes.literal_block:
    return nodes.literal_block(text, text, language=language)


def _demand_pages(app: Sphinx, env: object) -> None:
    """Stop if a question has no page."""
    for item in ITEMS:
        if f"docs/theory/{item}" not in app.env.found_docs:
            raise SphinxError(f"docs/theory/{item}.md is missing: every question has a page")
