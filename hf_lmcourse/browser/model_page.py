"""One or two models as an HTML page that computes in the browser."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from ..errors import LmcourseError
from ..models.loading import load_model
from ..report.json_files import json_text
from ..report.redact import redacted
from ..report.results import RunResult
from ..report.tables import MODEL_TITLES
from .portable_model import portable_model
from .rounding_cost import rounding_cost
from .scripts import page_source
from .weight_rounding import Rounding

_FOLDER = Path(__file__).parent
_RESULT = "result.json"


def model_page(
    names_or_paths: Sequence[str | Path],
    rounding: Rounding = "float16",
    *,
    data: str | None = None,
    data_dir: str | Path | None = None,
) -> str:
    """The page of a model, or of two that are compared on one text, as HTML.

    Args:
        names_or_paths: One or two run folders, saved models or ids on the Hub.
        rounding: How the weights are rounded.
        data: The corpus whose validation split shows what rounding costs; by default the one that
            the run folder names, if it can be read.
        data_dir: Folder of local corpora.

    Raises:
        LmcourseError: A model that the page does not take, a classifier next to a language model,
            or a corpus that is named and cannot be read.
    """
    models = []
    for name_or_path in map(str, names_or_paths):
        model, tokenizer = load_model(name_or_path)
        models.append(_described(name_or_path, model, tokenizer, rounding, data, data_dir))
    return render_model_page(models)


def render_model_page(models: list[dict[str, Any]]) -> str:
    """The page of models described by `portable_model`, with `name`, `facts` and `note`.

    Raises:
        LmcourseError: A classifier next to a language model.
    """
    if len({model["classes"] is None for model in models}) > 1:
        raise LmcourseError(
            "a classifier and a language model have nothing to compare on one text: give two of "
            "one kind"
        )
    environment = Environment(
        loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template("page.html.jinja").render(
        title=" and ".join(model["name"] for model in models),
        style=Markup((_FOLDER / "page.css").read_text("utf-8")),
        script=Markup(page_source()),
        # "<" would end the element of the script, wherever it is in a string
        models=Markup(json_text(models, indent=None).replace("<", "\\u003c")),
    )


def _described(
    name_or_path: str,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    rounding: Rounding,
    data: str | None,
    data_dir: str | Path | None,
) -> dict[str, Any]:
    """All that the page has of a model."""
    described = portable_model(model, tokenizer, rounding)
    result = _result(name_or_path)
    trained_on = None if result is None else Path(redacted(result.corpus)).name
    kind = MODEL_TITLES.get(f"lmcourse_{described['family']}", described["family"])
    facts = f"{kind}, {model.num_parameters():,} parameters, weights in {rounding}"
    if trained_on is not None:
        facts += f", trained on {trained_on}"
    if rounding == "float32":
        note = "The weights are those of the saved model, not rounded."
    elif data is not None:
        note = str(rounding_cost(model, tokenizer, rounding, data, data_dir))
    else:
        note = _cost_on(trained_on, model, tokenizer, rounding, data_dir)
    return {"name": Path(redacted(name_or_path)).name, "facts": facts, "note": note, **described}


def _cost_on(
    corpus: str | None,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    rounding: Rounding,
    data_dir: str | Path | None,
) -> str:
    """The sentence on what rounding costs, on the corpus of the run if that can be read."""
    if corpus is None:
        return "What rounding costs was not measured: the model names no corpus."
    try:
        return str(rounding_cost(model, tokenizer, rounding, corpus, data_dir))
    except LmcourseError:
        return f"What rounding costs was not measured: the corpus {corpus} was not at hand."


def _result(name_or_path: str) -> RunResult | None:
    """The result of a run folder, if there is a readable one."""
    try:
        return RunResult.load(Path(name_or_path) / _RESULT)
    except LmcourseError:
        return None
