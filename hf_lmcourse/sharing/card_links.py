"""Where a reader of a card learns more about the model: its page and its notebook."""

ADDRESS = "https://github.com/hf-lmcourse/hf-lmcourse"
"""This repository on the web; `pip install git+ADDRESS` installs the package."""

REPOSITORY = f"{ADDRESS}/blob/main"
"""Its files on the web."""

_NOTEBOOKS = {
    "bigram_mlp": "01_bigram_network",
    "char_rnn": "02_character_model",
    "dan": "05_deep_averaging_network",
    "gru": "03_lstm_and_gru",
    "lstm": "03_lstm_and_gru",
    "ngram_fnn": "07_ngram_network",
    "transformer": "06_attention",
}


def linked_files(model_type: str) -> tuple[str, str] | None:
    """Return the page and the notebook of a model family, or `None` if it is not of this package.

    Args:
        model_type: As in the model's config.

    Returns:
        Paths relative to the repository.
    """
    family = model_type.removeprefix("lmcourse_")
    if family not in _NOTEBOOKS:
        return None
    return f"docs/models/{family}.md", f"notebooks/{_NOTEBOOKS[family]}.ipynb"


def links_sentence(model_type: str) -> str:
    """Link the page and the notebook of a model family; empty if it is not of this package."""
    files = linked_files(model_type)
    if files is None:
        return ""
    page, notebook = (f"{REPOSITORY}/{file}" for file in files)
    return f"More: [equation, gradient and results]({page}), [notebook]({notebook})."
