"""Links to files and folders of the repository that are not pages: each gets a page that shows it.

On GitHub such a link opens the file. On the site it opens `source/<path>.html`, the file with its
syntax highlighted, or `source/<path>/index.html`, the contents of a folder.
"""

from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

_LANGUAGES = {
    ".py": "python",
    ".yaml": "yaml",
    ".cpp": "cpp",
    ".h": "cpp",
    ".sh": "bash",
    ".jinja": "jinja",
    ".cfg": "ini",
    ".csv": "text",
    ".json": "json",
    ".txt": "text",
    "": "text",
}
"""The language of the files that are shown, by their suffix."""

_Page = tuple[str, dict[str, Any], str]


def setup(app: Sphinx) -> dict[str, bool]:
    """Turn the links around as the pages are read, and write the pages that they lead to."""
    app.connect("doctree-read", _link_to_pages, priority=400)  # before files are copied
    app.connect("html-collect-pages", _pages)
    return {"parallel_read_safe": False, "parallel_write_safe": True}


def _link_to_pages(app: Sphinx, doctree: nodes.document) -> None:
    for node in list(doctree.findall(_is_relative_link)):
        path, _ = app.env.relfn2path(node["reftarget"], app.env.docname)
        target = app.srcdir / path
        if _shown(target):
            uri = app.builder.get_relative_uri(app.env.docname, _page_name(app, target))
            node.replace_self(nodes.reference("", "", *node.children, refuri=uri, internal=True))
            _linked(app).add(target)


def _is_relative_link(node: nodes.Node) -> bool:
    """Whether a node is a link in Markdown to something that is not a page."""
    links = addnodes.download_reference, addnodes.pending_xref
    return isinstance(node, links) and node["reftype"] == "myst" and not node["refdomain"]


def _linked(app: Sphinx) -> set[Path]:
    if not hasattr(app.env, "linked_files"):
        app.env.linked_files = set()
    paths: set[Path] = app.env.linked_files
    return paths


def _shown(path: Path) -> bool:
    return path.is_dir() or (path.is_file() and path.suffix in _LANGUAGES)


def _page_name(app: Sphinx, path: Path) -> str:
    name = f"source/{path.relative_to(app.srcdir).as_posix()}"
    return f"{name}/index" if path.is_dir() else name


def _pages(app: Sphinx) -> Iterator[_Page]:
    """The pages of all that is linked to, and of all that the linked folders hold."""
    paths = set(_linked(app))
    for folder in filter(Path.is_dir, list(paths)):
        paths.update(path for path in folder.rglob("*") if _shown(path) and not _hidden(path))
    for path in sorted(paths):
        body = _listing(path) if path.is_dir() else _highlighted(app, path)
        title = path.relative_to(app.srcdir).as_posix()
        context = {"title": title, "parents": [], "body": f"<h1>{escape(title)}</h1>{body}"}
        yield _page_name(app, path), context, "page.html"


def _hidden(path: Path) -> bool:
    return any(part.startswith((".", "__pycache__")) for part in path.parts)


def _listing(folder: Path) -> str:
    items = []
    for path in sorted(folder.iterdir()):
        if _hidden(path):
            continue
        name = escape(path.name)
        target = f"{name}/index.html" if path.is_dir() else f"{name}.html"
        items.append(f'<li><a href="{target}">{name}</a></li>' if _shown(path) else f"<li>{name}")
    return f"<ul>{''.join(items)}</ul>"


def _highlighted(app: Sphinx, path: Path) -> str:
    code = path.read_text(encoding="utf-8")
    html: str = app.builder.highlighter.highlight_block(code, _LANGUAGES[path.suffix])
    return html
