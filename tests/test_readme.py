"""What README.md and the other pages say is true: their tables, links, commands and code."""

import re
from pathlib import Path

import pytest

import results_table
from hf_lmcourse.cli.main import VERBS

from .test_architecture import FLOORS

REPOSITORY = Path(__file__).parents[1]
README = REPOSITORY / "README.md"
WRITTEN = [
    *(REPOSITORY / name for name in ("README.md", "CONTRIBUTING.md", "results/README.md")),
    *sorted((REPOSITORY / "docs").rglob("*.md")),
]
"""The pages that are written by hand, apart from the changelog."""
PAGES = sorted({*WRITTEN, REPOSITORY / "CHANGELOG.md", *(REPOSITORY / "results").rglob("*.md")})


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def code_of(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text_of(page), flags=re.DOTALL)


def anchors_of(page: Path) -> set[str]:
    """The anchors that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", text_of(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_tables_are_those_of_the_result_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    assert results_table.main(["--check"]) == 0


def test_the_readme_has_at_most_ten_kilobytes() -> None:
    assert README.stat().st_size <= 10_000


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_every_link_of_a_page_resolves(page: Path) -> None:
    text = text_of(page)
    links = re.findall(r"\]\((?!https?:)([^)\s]+)\)", text) + re.findall(r'src="([^"]+)"', text)
    for link in links:
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors_of(target), link


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_every_file_that_a_page_names_exists(page: Path) -> None:
    names = re.findall(r"\b(?:configs|scripts|tests)/[\w./]+\.(?:yaml|sh|py)\b", text_of(page))
    assert not [name for name in names if not (REPOSITORY / name).exists()]


def test_every_verb_is_in_the_readme_and_every_command_has_one() -> None:
    blocks = "".join(block for page in WRITTEN for block in code_of(page, "bash"))
    assert set(re.findall(r"^lmcourse ([\w-]+)", blocks, flags=re.MULTILINE)) <= set(VERBS)
    missing = [verb for verb in VERBS if not re.search(rf"(lmcourse |`){verb}\b", text_of(README))]
    assert not missing


def test_the_page_of_studies_lists_every_study() -> None:
    rows = re.findall(r"^\| (`.*)$", text_of(REPOSITORY / "docs/studies.md"), flags=re.MULTILINE)
    listed = re.findall(r"`(\w+)`", "".join(rows))
    assert sorted(listed) == sorted(p.stem for p in (REPOSITORY / "configs/studies").glob("*.yaml"))


def test_the_page_of_the_architecture_lists_every_folder_in_order() -> None:
    rows = re.findall(
        r"^\| (`.*?) \|", text_of(REPOSITORY / "docs/architecture.md"), flags=re.MULTILINE
    )
    names = [re.sub(r"/|\.py", "", name) for row in rows for name in re.findall(r"`(.+?)`", row)]
    assert tuple(names) == FLOORS


def test_the_example_of_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LMCOURSE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "configs").symlink_to(REPOSITORY / "configs")
    (tmp_path / "my_text.txt").write_text("def f(x):\n    return x\n" * 200, encoding="utf-8")
    (example,) = [block for block in code_of(README, "python") if "train(" in block]
    assert len(example.splitlines()) <= 10
    short = "hidden_size=8, max_steps=2, use_cpu=True, corpus='my_text.txt'"
    example = example.replace("hidden_size=128", short).replace(', "gpt2"', "")
    assert short in example
    variables: dict[str, object] = {}
    exec(example, variables)  # our own text, from the repository
    assert (tmp_path / "runs" / "quickstart" / "config.json").exists()


def test_the_example_of_the_trainer_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LMCOURSE_CACHE", str(tmp_path / "cache"))
    blocks = code_of(REPOSITORY / "docs" / "training.md", "python")
    (example,) = [block for block in blocks if "StreamTrainer" in block]
    settings = 'max_steps=2, use_cpu=True, save_strategy="no", load_best_model_at_end=False'
    short = example.replace("num_train_epochs=1", settings)
    short = short.replace("hidden_size=256", "hidden_size=8")
    assert short.count("max_steps=2") == 1
    variables: dict[str, object] = {}
    exec(short.replace("print(", "result = ("), variables)  # our own text, from the repository
    assert isinstance(variables["result"], float) and 1 < variables["result"] < 1000
