"""The documentation site: it builds without a warning, and needs nothing from another host."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

import hf_lmcourse
from hf_lmcourse.models.families import MODEL_TYPES
from hf_lmcourse.theory.items import ITEMS

pytestmark = pytest.mark.slow

ROOT = Path(hf_lmcourse.__file__).parents[1]


@dataclass
class Page(HTMLParser):
    """What a page loads, what it links to, and the targets and formulas in it."""

    path: Path
    loads: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    targets: set[str] = field(default_factory=lambda: {"", "top"})
    formulas: int = 0

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value for name, value in attrs if value is not None}
        self.formulas += tag == "math"
        self.targets.update(values[name] for name in ("id", "name") if name in values)
        if "src" in values:
            self.loads.append(values["src"])
        if "href" in values:
            (self.links if tag == "a" else self.loads).append(values["href"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder that `scripts/build_site.sh` writes."""
    for library in ("sphinx", "myst_nb", "furo", "sphinx_copybutton", "math_core"):
        pytest.importorskip(library)
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        ["bash", str(ROOT / "scripts" / "build_site.sh"), str(folder)],
        env={**os.environ, "PYTHON": sys.executable},
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    yield folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    return {path: Page(path) for path in site.rglob("*.html")}


def test_nothing_is_loaded_from_another_host(site: Path, pages: dict[Path, Page]) -> None:
    loads = {load for page in pages.values() for load in page.loads}
    assert loads
    assert not [load for load in loads if urlsplit(load).netloc]
    for sheet in site.rglob("*.css"):
        assert not re.search(r"url\(['\"]?(https?:)?//|@import", sheet.read_text(encoding="utf-8"))


def test_every_link_and_file_within_the_site_is_there(pages: dict[Path, Page]) -> None:
    missing = []
    for path, page in pages.items():
        for link in [*page.links, *page.loads]:
            url = urlsplit(link)
            if url.scheme or url.netloc:
                assert url.scheme == "https" and url.netloc, link
                continue
            target = (path.parent / unquote(url.path)).resolve() if url.path else path
            known = pages[target].targets if target in pages else {""}
            if not target.is_file() or unquote(url.fragment) not in known:
                missing.append((str(path), link))
    assert not missing


def test_every_model_has_a_page_with_equations_code_and_results(
    site: Path, pages: dict[Path, Page]
) -> None:
    for model_type in MODEL_TYPES:
        page = pages[site / "docs" / "models" / f"{model_type.removeprefix('lmcourse_')}.html"]
        text = page.path.read_text(encoding="utf-8")
        assert page.formulas > 2
        assert "lmcourse train configs/" in re.sub("<[^>]*>", "", text)
        assert "_learning_curve.png" in text
        assert {"equation", "gradient", "when-to-use-it", "results"} <= page.targets


def test_every_question_has_a_page_with_its_derivation_and_check(
    site: Path, pages: dict[Path, Page]
) -> None:
    for item in ITEMS:
        page = pages[site / "docs" / "theory" / f"{item}.html"]
        assert page.formulas > 2
        assert re.search(r"all \d+ checks passed", page.path.read_text(encoding="utf-8"))


def test_the_reference_has_every_public_name(pages: dict[Path, Page]) -> None:
    documented = set().union(*(page.targets for page in pages.values()))
    names = {f"hf_lmcourse.{name}" for name in hf_lmcourse.__all__ if name[0] != "_"}
    assert names <= documented


def test_the_reference_shows_equations_and_shapes_as_they_are_typed(site: Path) -> None:
    page = site / "docs" / "generated" / "api" / "hf_lmcourse.layers.lstm.html"
    text = unescape(re.sub("<[^>]*>", "", page.read_text(encoding="utf-8")))
    assert "\nc_t = f * c_{t-1} + i * g\nh_t = o * tanh(c_t)\n" in text
    assert re.search(r"Shape\s+a_x, u: \(batch, 4 \* hidden_size\)", text)
