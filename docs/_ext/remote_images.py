"""Images from other hosts, such as the badges of Colab: the site shows their text instead."""

from docutils import nodes
from sphinx.application import Sphinx


def setup(app: Sphinx) -> dict[str, bool]:
    """Replace the images as the pages are read, before they are collected."""
    app.connect("doctree-read", _replace, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _replace(app: Sphinx, doctree: nodes.document) -> None:
    for image in list(doctree.findall(nodes.image)):
        if "://" in image["uri"]:
            image.replace_self(nodes.Text(image.get("alt") or image["uri"]))
