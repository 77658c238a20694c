"""`lmcourse perplexity`: tables, plots, and one sentence for whatever is wrong."""

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch

from hf_lmcourse.data.training_text_record import read_record

from ..text_perplexity.scored_models import BYTES, tiny_gpt2
from .commands import FinishedRun, Outcome, lmcourse, write_corpus, write_yaml

PASSAGE = "line 5 says so so what\nline 6 says what\n"
FOREIGN = "Line 6\nsays – WHAT?\n"


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random GPT-2, which is no model of this package."""
    folder = tmp_path_factory.mktemp("models") / "gpt2"
    tiny_gpt2().float().save_pretrained(folder)
    BYTES.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def held_out(tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    """A run from whose training text a document was held out."""
    place = tmp_path_factory.mktemp("held_out")
    (place / "data" / "course").mkdir(parents=True)
    (place / "data" / "course" / "passage.txt").write_text(PASSAGE)
    corpus = write_corpus(place / "small.txt")
    words = [("  block_length", "  hold_out: course/passage.txt\n  block_length")]
    yaml = write_yaml(place / "tiny.yaml", corpus, words)
    folder = place / "runs" / "held_out"
    data = ("--data_dir", place / "data", "--max_steps", "2", "--save_strategy", "no")
    options = ("--output_dir", folder, "--load_best_model_at_end", "False")
    return FinishedRun(yaml, corpus, folder, lmcourse("train", yaml, *data, *options))


@pytest.fixture
def texts(tmp_path: Path) -> list[Path]:
    (tmp_path / "known.txt").write_text(PASSAGE)
    (tmp_path / "foreign.txt").write_text(FOREIGN)
    return [tmp_path / "known.txt", tmp_path / "foreign.txt"]


def perplexity(models: list[Path], folder: Path, *words: object) -> Outcome:
    return lmcourse("perplexity", *models, "--output_dir", folder, *words)


def rows_of(folder: Path) -> list[dict[str, Any]]:
    return json.loads((folder / "perplexity.json").read_text())["rows"]


def test_every_model_is_scored_on_every_document(
    finished: FinishedRun, transformer: FinishedRun, gpt2: Path, texts: list[Path], tmp_path: Path
) -> None:
    models = [finished.folder, transformer.folder, gpt2]
    words = ("--text", *texts, "--preprocess", "course", "--surprisal", "--stride", "2")
    outcome = perplexity(models, tmp_path / "new", *words)
    assert outcome.status == 0, outcome.err
    rows = rows_of(tmp_path / "new")
    assert [(row["passage"], row["preprocessing"]) for row in rows] == (
        [("known", "raw"), ("known", "course")] * 3
        + [("foreign", "raw"), ("foreign", "course")] * 3
    )
    # two runs of this name: the whole path tells them apart
    assert [row["model"] for row in rows[::2]] == [*map(str, models[:2]), "gpt2"] * 2
    names = {path.name for path in (tmp_path / "new").iterdir()}
    assert names == {
        "perplexity.md", "perplexity.csv", "perplexity.json", "perplexity.png", "surprisal",
    }  # fmt: skip
    assert len(list((tmp_path / "new" / "surprisal").glob("*.html"))) == len(rows)
    assert len(list((tmp_path / "new" / "surprisal").glob("*.png"))) == len(rows)
    assert (tmp_path / "new" / "surprisal" / "gpt2--foreign--course.html").exists()
    with (tmp_path / "new" / "perplexity.csv").open(newline="") as file:
        assert [row["model"] for row in csv.DictReader(file)] == [row["model"] for row in rows]
    report = (tmp_path / "new" / "perplexity.md").read_text()
    assert "| model | passage | text | changed |" in report and "## Context" in report
    record = json.loads((tmp_path / "new" / "perplexity.json").read_text())
    assert record["command"].startswith("lmcourse perplexity ") and record["command"] in report
    assert record["seconds"] > 0 and record["versions"]["torch"] == torch.__version__
    assert outcome.out.splitlines()[0].split()[:2] == ["model", "passage"]
    assert "The first token of a text is predicted from '\\n'" in outcome.out
    assert "from '<|endoftext|>' (gpt2)" in outcome.out
    assert {row["context"] for row in rows} == {"state", "window"}


def test_the_metrics_are_those_of_evaluate(
    finished: FinishedRun, texts: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "test.txt").write_text(PASSAGE)
    written = tmp_path / "metrics.json"
    lmcourse("evaluate", finished.folder, "--data", tmp_path, "--json", written)
    assert perplexity([finished.folder], tmp_path, "--text", texts[0]).status == 0
    (row,) = rows_of(tmp_path)
    for name, value in json.loads(written.read_text()).items():
        assert row[name] == pytest.approx(value, rel=1e-5)


@pytest.mark.parametrize(("base", "unit"), [("2", "bits"), ("e", "nats"), ("10", "dits")])
def test_the_base_changes_the_unit_and_not_the_perplexity(
    base: str, unit: str, gpt2: Path, texts: list[Path], tmp_path: Path
) -> None:
    outcome = perplexity([gpt2], tmp_path, "--text", texts[0], "--base", base)
    assert outcome.status == 0, outcome.err
    (row,) = rows_of(tmp_path)
    assert float(base.replace("e", "2.718281828459045")) ** row[f"{unit}_per_token"] == (
        pytest.approx(row["perplexity"])
    )
    assert f"{unit}/token" in outcome.out


def test_a_temperature_comes_with_a_warning(gpt2: Path, texts: list[Path], tmp_path: Path) -> None:
    plain = perplexity([gpt2], tmp_path, "--text", texts[0])
    warm = perplexity([gpt2], tmp_path, "--text", texts[0], "--temperature", "0.8")
    assert "WARNING" not in plain.out
    assert "These are not the perplexities of the models" in " ".join(warm.out.split())
    (row,) = rows_of(tmp_path)
    assert row["temperature"] == 0.8 and row["comparable_perplexity"] == "-"


def test_options_without_an_effect_are_reported(
    finished: FinishedRun, texts: list[Path], tmp_path: Path
) -> None:
    outcome = perplexity([finished.folder], tmp_path, "--text", texts[0], "--stride", "3")
    assert "stride and block_length change nothing" in outcome.out


def test_a_document_that_was_held_out_was_not_seen(
    finished: FinishedRun, held_out: FinishedRun, texts: list[Path], tmp_path: Path
) -> None:
    assert held_out.outcome.status == 0, held_out.outcome.err
    record = read_record(held_out.folder)
    assert record is not None and record.hold_out == ("course/passage.txt",)
    assert "Held out of it: passage.txt." in (held_out.folder / "README.md").read_text()
    words = ("--training_text", held_out.corpus)
    outcome = perplexity([finished.folder], tmp_path, "--text", texts[0], *words)
    assert "known appears verbatim in the training text of tiny (small)." in outcome.out
    outcome = perplexity(
        [finished.folder], tmp_path, "--text", texts[0], *words, "--hold_out", texts[0]
    )
    assert "verbatim" not in outcome.out
    assert rows_of(tmp_path)[0]["training_text"] == "small without known"


def test_a_document_that_is_not_in_the_training_text_cannot_be_held_out(
    held_out: FinishedRun, tmp_path: Path
) -> None:
    (tmp_path / "other.txt").write_text("nothing of the kind\n")
    outcome = lmcourse("train", held_out.yaml, "--hold_out", tmp_path / "other.txt")
    assert "does not occur verbatim in the training text of small" in outcome.complaint


WRONG: dict[str, tuple[list[str], str]] = {
    "no passage": (["--text", "nowhere.txt"], "there is no file nowhere.txt"),
    "blank passage": (["--text", "BLANK"], "contains only whitespace"),
    "no such chain": (["--text", "TEXT", "--preprocess", "lower"], "no preprocessing 'lower'"),
    "no heat": (["--text", "TEXT", "--temperature", "0"], "temperature must be above 0"),
    "no number": (["--text", "TEXT", "--temperature", "nan"], "temperature must be above 0"),
    "endless heat": (["--text", "TEXT", "--temperature", "inf"], "and finite, not inf"),
    "no training text": (["--text", "TEXT", "--hold_out", "TEXT"], "give that too"),
    "no such corpus": (["--text", "TEXT", "--training_text", "x"], "no corpus 'x'"),
    "too long": (["--text", "TEXT", "--block_length", "99"], "reads 8 tokens"),
    "too far": (["--text", "TEXT", "--stride", "9"], "a stride of 9 does not fit windows of 8"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_options_are_reported_and_leave_nothing(
    case: str, gpt2: Path, texts: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "blank.txt").write_text("\n")
    places = {"TEXT": str(texts[0]), "BLANK": str(tmp_path / "blank.txt")}
    words, message = WRONG[case]
    words = [places.get(word, word) for word in words]
    assert message in perplexity([gpt2], tmp_path / "new", *words).complaint
    assert not (tmp_path / "new").exists()


def test_paths_that_are_not_models_are_reported(
    gpt2: Path, texts: list[Path], tmp_path: Path
) -> None:
    words = ("--text", texts[0])
    assert "is not a saved model" in perplexity([tmp_path], tmp_path / "new", *words).complaint
    missing = tmp_path / "missing"
    assert "there is no model at" in perplexity([missing], tmp_path / "new", *words).complaint
    assert "is given twice" in perplexity([gpt2, gpt2], tmp_path / "new", *words).complaint


def test_a_folder_that_cannot_be_written_is_reported(gpt2: Path, texts: list[Path]) -> None:
    assert "cannot write to" in perplexity([gpt2], texts[0] / "x", "--text", texts[0]).complaint


def test_help_names_the_steps(finished: FinishedRun) -> None:
    outcome = lmcourse("perplexity", "--help")
    assert outcome.status == 0
    assert re.search(r"course\s+=\s+lowercase,printable,blanks", outcome.out)
    assert lmcourse("perplexity", finished.folder).status == 2
