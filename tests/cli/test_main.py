"""The command itself: help, unknown verbs, exit statuses."""

import importlib
import re
import subprocess
import sys

import pytest

from hf_lmcourse import LmcourseError
from hf_lmcourse.cli import evaluate
from hf_lmcourse.cli.main import VERBS
from hf_lmcourse.models.families import MODEL_TYPES
from hf_lmcourse.training.arguments import DataArguments, LabelledDataArguments, RunArguments

from .commands import lmcourse


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_explains_itself(verb: str) -> None:
    outcome = lmcourse(verb, "--help")
    assert outcome.status == 0
    assert outcome.out.startswith(f"usage: lmcourse {verb}")
    assert "Traceback" not in outcome.out + outcome.err


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb != "train"])
def test_each_help_text_is_a_sentence(verb: str) -> None:
    parser = importlib.import_module(f"hf_lmcourse.cli.{verb.replace('-', '_')}")._parser()
    texts = {action.dest: action.help for action in parser._actions if action.dest != "help"}
    assert texts
    assert [name for name, text in texts.items() if not re.match(r"[A-Z].*\.$", text or "")] == []


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"]])
def test_without_a_verb_the_verbs_are_listed(words: list[str]) -> None:
    outcome = lmcourse(*words)
    assert outcome.status == 0
    assert all(verb in outcome.out for verb in VERBS)


def test_all_help_on_training_names_every_option_and_model() -> None:
    outcome = lmcourse("train", "--help-all")
    for kind in (DataArguments, LabelledDataArguments, RunArguments):
        named = [name for name, field in kind.__dataclass_fields__.items() if field.init]
        assert [name for name in named if f"--{name} " not in outcome.out] == []
    assert all(model_type in outcome.out for model_type in MODEL_TYPES)


@pytest.mark.parametrize("model_type", ["", *sorted(MODEL_TYPES)])
def test_help_on_training_fits_on_two_screens_and_explains_each_setting(model_type: str) -> None:
    words = ["--model_type", model_type] if model_type else []
    outcome = lmcourse("train", *words, "--help")
    assert outcome.status == 0
    lines = outcome.out.splitlines()
    assert len(lines) <= 100 and max(map(len, lines)) <= 100
    settings = re.findall(r"^  --\w+ .*(?:\n {34}.*)*", outcome.out, flags=re.MULTILINE)
    assert len(settings) > 50
    unexplained = [text for text in settings if not re.search(r"[A-Z].{4,}\.", text, re.DOTALL)]
    assert not unexplained


def test_help_on_training_shows_the_settings_of_the_model_of_a_recipe() -> None:
    assert "--ngram_buckets INT" in lmcourse("train", "dan_imdb", "--help").out
    assert "--ngram_buckets INT" in lmcourse("train", "gru_ptb", "--model_type=dan", "--help").out
    outcome = lmcourse("train", "gru_ptb", "--help").out
    assert "--recurrent_dropout NUMBER" in outcome and "--ngram_buckets" not in outcome
    assert "'gruu'" in lmcourse("train", "--model_type", "gruu", "--help").complaint


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("trian", "train"), ("export_onnx", "export-onnx"), ("EVALUATE", "evaluate")],
)
def test_a_misspelled_verb_exits_with_2_and_the_nearest_one(typed: str, meant: str) -> None:
    complaint = lmcourse(typed).complaint
    assert repr(typed) in complaint and f"did you mean {meant!r}" in complaint


def test_an_unknown_verb_exits_with_2_and_lists_the_verbs() -> None:
    outcome = lmcourse("qqqq")
    assert outcome.status == 2
    assert "unknown verb 'qqqq'" in outcome.err
    assert all(verb in outcome.err for verb in VERBS)


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [(LmcourseError("too bad"), 2, "too bad"), (KeyboardInterrupt(), 130, "interrupted")],
)
def test_an_error_is_reported_in_one_line(
    error: BaseException, status: int, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(arguments: list[str]) -> int:
        raise error

    monkeypatch.setattr(evaluate, "run", fail)
    outcome = lmcourse("evaluate")
    assert (outcome.status, outcome.err) == (status, f"lmcourse evaluate: {message}\n")


def test_a_defect_of_the_program_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(arguments: list[str]) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr(evaluate, "run", fail)
    with pytest.raises(ZeroDivisionError):
        lmcourse("evaluate")


def test_a_process_exits_with_the_status_and_without_a_traceback() -> None:
    words = [sys.executable, "-m", "hf_lmcourse.cli.main", "recipes", "nothing.yaml"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("lmcourse recipes: ") and "nothing.yaml" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_recipe_that_does_not_exist_is_reported_in_one_line() -> None:
    outcome = lmcourse("train", "nothing.yaml")
    assert (outcome.status, outcome.out) == (2, "")
    assert outcome.err == "lmcourse train: cannot read nothing.yaml: No such file or directory\n"


def test_the_list_of_verbs_needs_neither_torch_nor_transformers_nor_that_of_recipes_torch() -> None:
    script = """
import sys
from hf_lmcourse.cli.main import main
assert main(["--help"]) == 0
heavy = {"torch", "transformers", "numpy"} & sys.modules.keys()
assert not heavy, heavy
assert main(["recipes"]) == 0
assert "torch" not in sys.modules
"""
    words = [sys.executable, "-c", script]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("usage: lmcourse VERB")
