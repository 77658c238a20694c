"""The page in a browser without a window: typed into, clicked on, asking no host for anything."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from hf_lmcourse import (
    CharacterTokenizer,
    DANConfig,
    DANForSequenceClassification,
    WordPunctuationTokenizer,
)
from hf_lmcourse.browser.model_page import render_model_page
from hf_lmcourse.browser.portable_model import portable_model
from hf_lmcourse.browser.weight_rounding import rounded_model

from ..models.families import FAMILIES, every_own_family, every_recurrent_family

TEXT = "abc cab\nfade bad"
TOKENIZER = CharacterTokenizer.train(TEXT)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed")
    with sync_api.sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])


class Opened:
    """A page that is open, and what went wrong on it."""

    def __init__(self, browser: Any, path: Path, models: list[Any], tokenizer: Any) -> None:
        described = [
            {
                "name": f"model {k}",
                "facts": "",
                "note": "",
                **portable_model(m, tokenizer, "float16"),
            }
            for k, m in enumerate(models)
        ]
        path.write_text(render_model_page(described), encoding="utf-8")
        self.page = browser.new_page(viewport={"width": 390, "height": 800})
        self.troubles: list[str] = []
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.on("console", lambda line: self.troubles.append(line.text))
        self.page.on("request", lambda request: self.troubles.append(request.url))
        self.page.goto(path.as_uri())
        self.troubles.remove(path.as_uri())

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait for what the page does on its own time."""
        for _ in range(600):
            if holds():
                return
            self.page.wait_for_timeout(50)
        pytest.fail("the page did not come to it")

    def type(self, text: str) -> None:
        """Replace the text, and wait until it is read."""
        self.page.fill("textarea", text)
        self.until(
            lambda: self.page.is_disabled("text=Stop") and self.number("tokens") == len(text)
        )

    @property
    def text(self) -> str:
        return self.page.input_value("textarea")

    def number(self, term: str) -> float:
        """One of the numbers above the text; the last one if a change has replaced the first."""
        shown = self.page.inner_text(f"dl.numbers div:has(dt:text-is('{term}')) dd")
        return float(shown.split()[-1].replace(",", ""))

    def close(self) -> None:
        assert not self.troubles
        width = self.page.evaluate("document.documentElement.scrollWidth")
        assert width <= 390, "a phone would have to scroll sideways"
        self.page.close()


@torch.no_grad()
def bits_per_character(model: Any, text: str) -> float:
    """Of a text after a line end, by the model with the weights of the page."""
    ids = torch.tensor([TOKENIZER.encode("\n" + text, add_special_tokens=False)])
    loss = rounded_model(model, "float16")(input_ids=ids, labels=ids).loss
    return loss.item() / torch.log(torch.tensor(2.0)).item()


@every_own_family
def test_a_page_scores_writes_and_changes(browser: Any, family: Any, tmp_path: Path) -> None:
    model = family.random(std=0.3, vocab_size=len(TOKENIZER)).float()
    opened = Opened(browser, tmp_path / "page.html", [model], TOKENIZER)
    page = opened.page
    opened.type(TEXT)
    assert opened.number("tokens") == len(TEXT)
    expected = bits_per_character(model, TEXT)
    assert opened.number("bits per character") == pytest.approx(expected, abs=2e-3)
    page.focus("[role=listbox] >> nth=0")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    assert page.inner_text("[role=listbox] >> nth=0 >> [aria-selected=true]") == TEXT[1]
    page.click(".bars button:enabled >> nth=0")
    opened.until(lambda: len(opened.text) == 3)
    assert opened.text[:2] == TEXT[:2]
    opened.type(TEXT)
    page.click("text=Write a token")
    opened.until(lambda: len(opened.text) == len(TEXT) + 1)
    opened.type(TEXT)
    before = opened.number("perplexity per token")
    page.click("button:has-text('Silence')")
    opened.until(lambda: opened.number("perplexity per token") != before)
    page.click(".active button")
    opened.until(lambda: opened.number("perplexity per token") == before)
    opened.close()


@torch.no_grad()
def hidden_units(model: Any, text: str) -> Any:
    """The output of the last layer after a text, by the model with the weights of the page."""
    ids = torch.tensor([TOKENIZER.encode("\n" + text, add_special_tokens=False)])
    return rounded_model(model, "float16").model(input_ids=ids).last_hidden_state[0, -1]


@every_recurrent_family
def test_the_equation_has_the_values_of_the_chosen_unit(
    browser: Any, family: Any, tmp_path: Path
) -> None:
    model = family.random(std=0.3, vocab_size=len(TOKENIZER)).float()
    opened = Opened(browser, tmp_path / "page.html", [model], TOKENIZER)
    opened.type(TEXT)
    layers = opened.page.locator("select:has(option:text-matches('^layer'))")
    if layers.count():
        layers.last.select_option(index=model.config.num_hidden_layers - 1)
    opened.page.fill("label:has-text('unit') input >> nth=-1", "3")
    opened.page.keyboard.press("Tab")
    h = hidden_units(model, TEXT)[2].item()
    last_row = opened.page.inner_text(".equation tr:last-child td:last-child")
    assert float(last_row.removeprefix("= ").replace("−", "-")) == pytest.approx(h, abs=1e-3)
    assert ("gates" in opened.page.inner_text("main").lower()) == (family.name != "char_rnn")
    opened.close()


@pytest.mark.parametrize("family", [f for f in FAMILIES if f.context], ids=lambda f: f.name)
def test_the_window_shows_the_tokens_that_the_network_sees(
    browser: Any, family: Any, tmp_path: Path
) -> None:
    model = family.random(std=0.3, vocab_size=len(TOKENIZER)).float()
    opened = Opened(browser, tmp_path / "page.html", [model], TOKENIZER)
    opened.type(TEXT)
    names = opened.page.locator(".strip .name").all_inner_texts()
    tokens = [name for name in names if not name.startswith("hidden")]
    assert len(tokens) == family.context
    assert tokens == list(TEXT[-family.context :])
    opened.close()


def test_a_head_shows_what_the_chosen_token_looks_at(browser: Any, tmp_path: Path) -> None:
    (family,) = (f for f in FAMILIES if f.name == "transformer")
    model = family.random(std=0.3, vocab_size=len(TOKENIZER)).float()
    opened = Opened(browser, tmp_path / "page.html", [model], TOKENIZER)
    opened.type(TEXT)
    ids = torch.tensor([TOKENIZER.encode("\n" + TEXT, add_special_tokens=False)])
    with torch.no_grad():
        reference = rounded_model(model, "float16")(input_ids=ids, output_attentions=True)
    for head in range(model.config.num_attention_heads):
        opened.page.click(f".heads button >> nth={head}")
        said = opened.page.inner_text("p:text-matches('^Head')")
        most = reference.attentions[0][0, head, -1].max().item()
        assert float(said.split("at most ")[1].split()[0]) == pytest.approx(100 * most, abs=0.06)
    opened.close()


def test_two_models_are_compared(browser: Any, tmp_path: Path) -> None:
    models = [f.random(std=0.3, vocab_size=len(TOKENIZER)).float() for f in FAMILIES[1:3]]
    opened = Opened(browser, tmp_path / "page.html", models, TOKENIZER)
    opened.type(TEXT)
    bits = [len(TEXT) * bits_per_character(model, TEXT) for model in models]
    better, worse = (0, 1) if bits[0] <= bits[1] else (1, 0)
    said = f"model {better} needs {bits[worse] - bits[better]:.1f} bits less"
    assert said in opened.page.inner_text("main")
    opened.close()


def test_words_of_a_classifier_are_switched_off(browser: Any, tmp_path: Path) -> None:
    tokenizer = WordPunctuationTokenizer.train("good bad film")
    torch.manual_seed(0)
    config = DANConfig(vocab_size=len(tokenizer), embedding_size=4, hidden_size=4, num_labels=2)
    model = DANForSequenceClassification(config).eval()
    opened = Opened(browser, tmp_path / "page.html", [model], tokenizer)
    opened.page.fill("textarea", "good film , bad")
    assert opened.page.locator(".words button").count() == 4
    opened.page.click(".words button >> nth=1")
    assert "from 3 of 4 words" in opened.page.inner_text("main")
    ids = torch.tensor([tokenizer.encode("good , bad")])
    p = rounded_model(model, "float16")(input_ids=ids).logits.softmax(-1)[0]
    shown = opened.page.inner_text(".bars .share >> nth=0")
    assert float(shown.split()[0]) == pytest.approx(100 * p[0].item(), abs=0.06)
    opened.close()
