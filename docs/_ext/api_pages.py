"""The pages of the reference, from the public names: docs/generated/api/, which git ignores."""

import inspect
from collections.abc import Iterable
from dataclasses import Field, fields
from pathlib import Path

from sphinx.application import Sphinx

import hf_lmcourse
from hf_lmcourse import RunArguments, layers, models
from hf_lmcourse.models.families import EXPORTS
from hf_lmcourse.report.tables import MODEL_TITLES
from hf_lmcourse.training.arguments import DataArguments, LabelledDataArguments

_EXTENDING = (
    "models.registration",
    "models.configuration_recurrent",
    "models.configuration_causal_lm",
    "models.modeling_recurrent",
    "models.causal_lm",
    "models.module_causal_lm",
)
_SIGNATURES = {"RunArguments": "(output_dir, **settings)"}
"""In place of a signature that has more than a hundred settings of transformers."""


def setup(app: Sphinx) -> dict[str, bool]:
    """Write the pages before Sphinx looks for pages."""
    app.connect("builder-inited", _write_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _write_pages(app: Sphinx) -> None:
    folder = app.srcdir / "docs" / "generated" / "api"
    folder.mkdir(parents=True, exist_ok=True)
    pages = {
        "package": _package(),
        "settings": _settings(),
        "extending": _extending(),
        **_families(),
        **_layers(),
    }
    for old in set(folder.glob("*.rst")) - {folder / f"{name}.rst" for name in pages}:
        old.unlink()
    for name, text in pages.items():
        (folder / f"{name}.rst").write_text(text, encoding="utf-8")


def _package() -> str:
    """All public names but the classes of the families, which have pages of their own."""
    names = [n for n in hf_lmcourse.__all__ if n not in models.__all__ and not n.startswith("_")]
    functions = [name for name in names if inspect.isfunction(getattr(hf_lmcourse, name))]
    classes = [name for name in names if name not in functions]
    for name in classes:  # a tokenizer has the name of its base, by which AutoTokenizer finds it
        getattr(hf_lmcourse, name).__name__ = name
    current = ".. currentmodule:: hf_lmcourse"
    return _page("Functions and classes", current, *map(_entry, [*functions, *classes]))


def _settings() -> str:
    """The settings of a YAML file, from the texts that the command line shows."""
    own = [field for field in fields(RunArguments) if field.name in RunArguments.__annotations__]
    return _page(
        "Settings of a run",
        "The section ``model`` has the settings of the config that its ``model_type`` names.",
        _section("Data of a language model", fields(DataArguments)),
        _section("Data of a classifier", fields(LabelledDataArguments)),
        _section("Training", own),
        "Further settings of the training are those of transformers' ``TrainingArguments``.",
    )


def _section(title: str, settings: Iterable[Field]) -> str:
    items = (
        f"``{setting.name}: {inspect.formatannotation(setting.type)} = {setting.default!r}``\n"
        f"    {setting.metadata['help']}"
        for setting in settings
    )
    return "\n\n".join([f"{title}\n{'-' * len(title)}", *items])


def _extending() -> str:
    """What a model of another package is built on."""
    modules = (f".. automodule:: hf_lmcourse.{name}" for name in _EXTENDING)
    return _page("For models of your own", *modules)


def _families() -> dict[str, str]:
    """A page per family: its config, its body and its head."""
    pages = {}
    for model_type, title in MODEL_TITLES.items():
        names = [name for name, owner in EXPORTS.items() if owner == model_type]
        if names:
            entries = map(_entry, names)
            pages[model_type] = _page(title, ".. currentmodule:: hf_lmcourse", *entries)
    return pages


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
    return f".. {kind}:: {name}{_SIGNATURES.get(name, '')}"


def _page(title: str, *blocks: str) -> str:
    return "\n\n".join([f"{title}\n{'=' * len(title)}", *blocks]) + "\n"
