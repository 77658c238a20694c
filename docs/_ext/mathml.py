"""Formulas as MathML, which browsers show by themselves: no script and no font from elsewhere."""

from typing import Any

from docutils import nodes
from math_core import LatexToMathML
from sphinx.application import Sphinx

_CONVERTER = LatexToMathML(fancy_error=False)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the renderer that `html_math_renderer` names."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _inline(translator: Any, node: nodes.math) -> None:
    translator.body.append(_mathml(node, displaystyle=False))
    raise nodes.SkipNode


def _block(translator: Any, node: nodes.math_block) -> None:
    translator.body.append(f'<div class="formula">{_mathml(node, displaystyle=True)}</div>\n')
    raise nodes.SkipNode


def _mathml(node: nodes.Element, displaystyle: bool) -> str:
    return _CONVERTER.convert_with_local_state(node.astext(), displaystyle=displaystyle)
