"""The directive `derivation`: what `lmcourse theory ITEM --latex` prints, as text and formulas."""

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from hf_lmcourse.theory.items import latex_in_markdown


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("derivation", _Derivation)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


class _Derivation(SphinxDirective):
    """The derivation of an item."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        return self.parse_text_to_nodes(latex_in_markdown(self.arguments[0]))
