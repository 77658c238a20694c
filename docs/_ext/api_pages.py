"""The pages of the reference, from the public names: docs/generated/api/, which git ignores."""

import inspect
from pathlib import Path

from sphinx.application import Sphinx

import hf_lmcourse
from hf_lmcourse import layers, models
from hf_lmcourse.models.families import EXPORTS
from hf_lmcourse.report.tables import MODEL_TITLES

_EXTENDING = (
    "models.registration",
    "models.configuration_recurrent",
    "models.configuration_causal_lm",
    "models.modeling_recurrent",
    "models.causal_lm",
    "models.module_causal_lm",
)


def setup(app: Sphinx) -> dict[str, bool]:
    """Write the pages before Sphinx looks for pages."""
    app.connect("builder-inited", _write_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _write_pages(app: Sphinx) -> None:
    folder = app.srcdir / "docs" / "generated" / "api"
    folder.mkdir(parents=True, exist_ok=True)
    pages = {"package": _package(), "extending": _extending(), **_families(), **_layers()}
    for old in set(folder.glob("*.rst")) - {folder / f"{name}.rst" for name in pages}:
        old.unlink()
    for name, text in pages.items():
        (folder / f"{name}.rst").write_text(text, encoding="utf-8")


def _package() -> str:
    """All public names but the classes of the families, which have pages of their own."""
    names = [n for n in hf_lmcourse.__all__ if n not in models.__all__ and not n.startswith("_")]
    return _page("Functions and classes", ".. currentmodule:: hf_lmcourse", *map(_entry, names))


def _families() -> dict[str, str]:
    """A page per family: its config, its body and its head."""
    pages = {}
    for model_type, title in MODEL_TITLES.items():
        names = [name for name, owner in EXPORTS.items() if owner == model_type]
        if names:
            entries = map(_entry, names)
            pages[model_type] = _page(title, ".. currentmodule:: hf_lmcourse", *entries)
    return pages


def _extending() -> str:
    """What a model of another package is built on."""
    modules = (f".. automodule:: hf_lmcourse.{name}" for name in _EXTENDING)
    return _page("For models of your own", *modules)


def _layers() -> dict[str, str]:
    """A page per module of equations."""
    files = Path(layers.__file__).parent.glob("[a-z]*.py")
    modules = sorted(f"hf_lmcourse.layers.{file.stem}" for file in files)
    return {
        name: _page(name.removeprefix("hf_lmcourse."), f".. automodule:: {name}")
        for name in modules
    }


def _entry(name: str) -> str:
    kind = "autofunction" if inspect.isfunction(getattr(hf_lmcourse, name)) else "autoclass"
    return f".. {kind}:: {name}"


def _page(title: str, *blocks: str) -> str:
    return "\n\n".join([f"{title}\n{'=' * len(title)}", *blocks]) + "\n"
