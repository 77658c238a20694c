"""The parts of a model card that may change after the run: how to load it, and a person's notes."""

import re
from pathlib import Path

from huggingface_hub import ModelCard

from ..report.files import write_text
from .card_links import ADDRESS

NOTES = """\
<!-- notes: whatever is written between these two lines is kept when the card is made again -->
<!-- /notes -->"""
"""The place for a person to write; empty at first."""

_NOTES = re.compile(r"(<!-- notes\b[^\n]*-->\n)(.*?)(<!-- /notes -->)", re.DOTALL)
_TASK = re.compile(r"^pipeline_tag: (text-generation|text-classification)$", re.MULTILINE)
_LOADING = re.compile(r"<!-- loading -->\n.*?<!-- /loading -->", re.DOTALL)

_IMPORT = "import hf_lmcourse  # makes the model types of the course known to transformers\n"
_LOAD = """\
from transformers import {auto_class}, AutoTokenizer

model = {auto_class}.from_pretrained("{place}"{trust})
tokenizer = AutoTokenizer.from_pretrained("{place}"{trust})
"""
_USE = {
    "text-generation": """\
prompt = tokenizer("The ", return_tensors="pt")
print(tokenizer.decode(model.generate(**prompt, do_sample=True, max_new_tokens=100)[0]))
""",
    "text-classification": """\
logits = model(**tokenizer("A fine film .", return_tensors="pt")).logits
print(model.config.id2label[int(logits.argmax())])
""",
}
_AUTO_CLASSES = {
    "text-generation": "AutoModelForCausalLM",
    "text-classification": "AutoModelForSequenceClassification",
}
_PACKAGE_NEEDED = (
    f"The model type comes with the package [hf-lmcourse]({ADDRESS}), which has to be installed "
    f"(`pip install git+{ADDRESS}`) and imported."
)
_CODE_ENOUGH = (
    "Without the package, the code next to the weights does the same. transformers runs "
    "it only if you say so: read it first."
)


def loading_section(
    task: str, place: str, *, with_code: bool = False, page: str | None = None
) -> str:
    """Write how to load a model, between the markers that let `card_for_repository` find it.

    Args:
        task: "text-generation" or "text-classification".
        place: Folder or id on the Hub.
        with_code: Whether the code of the model is next to the weights.
        page: Address of the page that shows the model in a browser, if there is one.
    """
    auto_class = _AUTO_CLASSES[task]
    load = _LOAD.format(auto_class=auto_class, place=place, trust="")
    parts = [f"```python\n{_IMPORT}{load}{_USE[task]}```", _PACKAGE_NEEDED]
    if with_code:
        trust = ", trust_remote_code=True"
        load = _LOAD.format(auto_class=auto_class, place=place, trust=trust)
        parts += [_CODE_ENOUGH, f"```python\n{load}```"]
    if page is not None:
        parts.insert(0, f"[See it at work in your browser]({page}), without anything to install.")
    return "\n\n".join(["<!-- loading -->", *parts, "<!-- /loading -->"])


def card_for_repository(
    text: str, repository: str, there: str, with_code: bool, page: str | None = None
) -> str:
    """A card as it goes up: it loads the model from the repository, and notes are kept.

    Args:
        text: The card of the run folder.
        repository: Id on the Hub.
        there: The card that is in the repository now; empty if there is none. Its notes are
            kept if the run folder's card has none.
        with_code: The code of the model goes along.
        page: Address of its page, if there is one.

    Returns:
        The card; one without the markers, which a person wrote, stays as it is.
    """
    task = _TASK.search(text)
    if task is not None:
        section = loading_section(task[1], repository, with_code=with_code, page=page)
        text = _LOADING.sub(lambda match: section, text, count=1)
    return text if _notes(text).strip() else keep_notes(text, there)


def keep_notes(text: str, old: str) -> str:
    """A new card with what a person wrote between the marked lines of the old one."""
    notes = _notes(old)
    return _NOTES.sub(lambda match: match[1] + notes + match[3], text, count=1)


def save_card(card: ModelCard, path: Path) -> None:
    """Write a card in the place of an old one, and keep the notes in that."""
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    write_text(path, keep_notes(card.content, old))


def _notes(text: str) -> str:
    found = _NOTES.search(text)
    return "" if found is None else found[2]
