"""The directive `derivation`: what `lmcourse theory ITEM --latex` prints, as text and formulas."""

import re

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from hf_lmcourse.theory.items import latex

_IN_MARKDOWN = {
    r"\\\[\n(.*?)\n\\\]": r"\n$$\n\1\n$$\n",
    r"\\textbf\{((?:[^{}]|\{[^{}]*\})*)\}": r"**\1**",
}
"""What of the LaTeX of a derivation is written otherwise in MyST; the formulas are the same."""


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("derivation", _Derivation)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


class _Derivation(SphinxDirective):
    """The derivation of an item."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        return self.parse_text_to_nodes(in_markdown(latex(self.arguments[0])))


def in_markdown(text: str) -> str:
    """Write the LaTeX of a derivation as MyST."""
    for pattern, replacement in _IN_MARKDOWN.items():
        text = re.sub(pattern, replacement, text, flags=re.DOTALL)
    return text
