"""The page's scripts: which files they are, and in what order."""

from pathlib import Path

_FOLDER = Path(__file__).parent

ENGINE = (
    "arrays",
    "weights",
    "output_layer",
    "changes",
    "cells",
    "recurrent_model",
    "window_models",
    "attention",
    "transformer_model",
    "averaging_model",
    "tokenizers",
    "sampling",
    "models",
    "reader",
)
"""The equations: these need no page, so that any JavaScript engine runs them."""


VIEWS = (
    "elements",
    "colours",
    "text_view",
    "next_token_view",
    "heat_map",
    "cell_equations",
    "cell_view",
    "attention_view",
    "window_view",
    "classifier_view",
    "changes_view",
    "panel",
    "page",
)
"""What a reader sees and does."""


def engine_source() -> str:
    """The scripts that compute."""
    return _joined("engine", ENGINE)


def page_source() -> str:
    """All scripts of the page, in a scope of their own."""
    return f'"use strict";\n(() => {{\n{engine_source()}\n{_joined("views", VIEWS)}\n}})();'


def _joined(folder: str, names: tuple[str, ...]) -> str:
    return "\n".join((_FOLDER / folder / f"{name}.js").read_text("utf-8") for name in names)
