"""A card that is made again keeps what a person wrote, and loads the model from its repository."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard
from hypothesis import given
from hypothesis import strategies as st

from hf_lmcourse.data.corpora import CORPORA
from hf_lmcourse.data.labelled import LABELLED_CORPORA
from hf_lmcourse.report.results import RunResult
from hf_lmcourse.sharing.card import render_model_card
from hf_lmcourse.sharing.card_sections import NOTES, card_for_repository, keep_notes, save_card
from hf_lmcourse.sharing.corpus_licenses import corpus_facts

TEXTS: dict[str, Any] = {
    "description": "A network.",
    "equation": "y = x",
    "training_data": "Some text.",
    "config_text": "seed: 7\n",
    "hyperparameters": {},
}


def with_notes(card: str, notes: str) -> str:
    assert NOTES in card
    opening, closing = NOTES.splitlines()
    return card.replace(NOTES, f"{opening}\n{notes}\n{closing}")


@pytest.fixture
def card(result: RunResult) -> ModelCard:
    return render_model_card(result, **TEXTS)


def test_a_card_written_again_keeps_the_notes_and_nothing_else(
    card: ModelCard, result: RunResult, tmp_path: Path
) -> None:
    path = tmp_path / "README.md"
    save_card(card, path)
    assert path.read_text() == card.content
    edited = with_notes(card.content, "## Mine\n\n\\1 It likes `kings`.")
    path.write_text(edited.replace("A network.", "Changed by hand outside of the lines."))
    again = render_model_card(replace(result, seed=8), **TEXTS)
    save_card(again, path)
    assert path.read_text() == with_notes(again.content, "## Mine\n\n\\1 It likes `kings`.")


@given(notes=st.text(st.characters(codec="utf-8", exclude_characters="\r")))
def test_notes_of_any_kind_survive(notes: str) -> None:
    if "<!-- /notes -->" in notes:
        return
    card = f"# A\n\n{NOTES}\n\nend\n"
    old = with_notes(card, notes)
    assert keep_notes(card, old) == old


def test_a_card_without_marked_lines_keeps_nothing(card: ModelCard) -> None:
    assert keep_notes(card.content, "# A card of somebody's\n") == card.content


def test_a_pushed_card_loads_from_the_repository(card: ModelCard) -> None:
    text = card_for_repository(card.content, "ada/lstm", "", False)
    assert 'from_pretrained("ada/lstm")' in text
    assert "runs/lstm_wikitext2" not in re.findall(r'from_pretrained\("(.*?)"', text)
    assert "trust_remote_code" not in text
    assert text.split("---\n")[1] == card.content.split("---\n")[1]


def test_a_pushed_card_with_code_says_both_ways(card: ModelCard) -> None:
    text = card_for_repository(card.content, "ada/lstm", "", True)
    assert text.count('from_pretrained("ada/lstm")') == 2
    assert text.count('from_pretrained("ada/lstm", trust_remote_code=True)') == 2
    assert card_for_repository(text, "ada/lstm", "", True) == text


def test_notes_from_the_hub_are_kept_unless_there_are_newer_ones(card: ModelCard) -> None:
    there = with_notes(card.content, "from the Hub")
    assert "from the Hub" in card_for_repository(card.content, "ada/lstm", there, False)
    mine = card_for_repository(with_notes(card.content, "mine"), "ada/lstm", there, False)
    assert "mine" in mine and "from the Hub" not in mine


def test_a_card_that_a_person_wrote_goes_up_as_it_is() -> None:
    for text in (
        "# Mine\n",
        "---\npipeline_tag: text-generation\n---\n# Mine\n",
        "---\n: [\n---\n",
    ):
        assert card_for_repository(text, "ada/lstm", "", True) == text


def test_every_named_corpus_has_its_terms() -> None:
    own = corpus_facts("my_own.txt")
    assert "its terms are not known" in own.terms and own.hub is None
    for name in ("cpython-docs", "toy_reviews", *CORPORA, *LABELLED_CORPORA):
        assert corpus_facts(name) != own, name


def test_the_hub_gets_the_ids_that_the_corpora_come_from() -> None:
    for name, known in CORPORA.items():
        assert corpus_facts(name).hub == (known.hub.repository if known.hub else None)
    for name, labelled in LABELLED_CORPORA.items():
        assert corpus_facts(name).hub == labelled.hub
