"""The directive `live-model`: a small model, trained as the site is built, at work in its page."""

import subprocess
import sys
import tempfile
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import SphinxError
from sphinx.util.docutils import SphinxDirective


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("live-model", _LiveModel)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


class _LiveModel(SphinxDirective):
    """The page of the model that the recipe in the body trains; the argument names the file."""

    required_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        name, builder = self.arguments[0], self.env.app.builder
        page = Path(builder.outdir, self.env.docname).parent / f"{name}.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(_trained_page(name, "\n".join(self.content)), encoding="utf-8")
        frame = (
            f'<p><a href="{page.name}">Open it in a window of its own</a></p>'
            f'<iframe class="live-model" src="{page.name}" title="A model at work" loading="lazy">'
            "</iframe>"
        )
        return [nodes.raw("", frame, format="html")]


def _trained_page(name: str, recipe: str) -> str:
    """The page, by the two commands that a reader would give."""
    with tempfile.TemporaryDirectory() as folder:
        file, run, page = (Path(folder, part) for part in ("recipe.yaml", name, "page.html"))
        file.write_text(recipe, encoding="utf-8")
        _lmcourse("train", file, "--output_dir", run, "--disable_tqdm", "true")
        _lmcourse("explain", run, page)
        return page.read_text(encoding="utf-8")


def _lmcourse(*arguments: str | Path) -> None:
    """Run a command in a process of its own: autodoc imports modules in a way that breaks some."""
    command = [sys.executable, "-m", "hf_lmcourse.cli.main", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SphinxError(f"lmcourse {arguments[0]}: {done.stderr}")
