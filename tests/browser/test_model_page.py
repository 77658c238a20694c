"""The page as a file: what it holds, and what it refuses."""

import json
import re
from typing import Any

import pytest

from hf_lmcourse import CharacterTokenizer, DANConfig, DANForSequenceClassification
from hf_lmcourse.browser.model_page import render_model_page
from hf_lmcourse.browser.portable_model import portable_model
from hf_lmcourse.errors import LmcourseError

from ..models.families import FAMILIES, NEW_FAMILIES

TOKENIZER = CharacterTokenizer.train("abc<>&\u2028")  # and two special tokens


def described(model: Any, **more: Any) -> dict[str, Any]:
    described = portable_model(model, TOKENIZER, "float16")
    return {"name": "tiny", "facts": "", "note": "", **described, **more}


def test_the_page_holds_the_models_and_names_no_host() -> None:
    models = [
        described(FAMILIES[1].initial(), name="</script><b>first"),
        described(FAMILIES[0].initial()),
    ]
    page = render_model_page(models)
    (written,) = re.findall(r'id="models">(.*?)</script>', page, flags=re.DOTALL)
    assert json.loads(written) == models
    assert "<b>first" not in page and "default-src 'none'" in page
    assert not re.findall(r"https?://|src=|<link|@import|url\(", page)


def test_a_family_without_equations_on_the_page_is_refused() -> None:
    with pytest.raises(LmcourseError, match="min_gru"):
        described(NEW_FAMILIES[0].initial())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hidden_act": "mish"}, "mish"),
        ({"problem_type": "multi_label_classification"}, "multi_label"),
        ({"num_labels": 1}, "num_labels 1"),
    ],
)
def test_a_classifier_of_another_kind_is_refused(changes: dict[str, Any], message: str) -> None:
    settings = {"vocab_size": 11, "embedding_size": 4, "hidden_size": 4, "num_labels": 2, **changes}
    model = DANForSequenceClassification(DANConfig(**settings))
    with pytest.raises(LmcourseError, match=message):
        described(model)


def test_a_classifier_and_a_language_model_are_not_compared() -> None:
    classifier = DANForSequenceClassification(
        DANConfig(vocab_size=11, embedding_size=4, hidden_size=4)
    )
    with pytest.raises(LmcourseError, match="classifier"):
        render_model_page([described(classifier), described(FAMILIES[1].initial())])
