"""Every command and every option that a page shows is one that the command line takes."""

import argparse
import dataclasses
import importlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from hf_lmcourse.cli.main import VERBS
from hf_lmcourse.runs.settings import config_class_of, read_settings
from hf_lmcourse.studies.study_file import point_settings, read_study
from hf_lmcourse.training.arguments import DataArguments, LabelledDataArguments, RunArguments

from .test_readme import REPOSITORY, WRITTEN, code_of, text_of

PAGES = [
    *WRITTEN,
    REPOSITORY / "results/STUDIES.md",
    *sorted((REPOSITORY / "notebooks").glob("*.py")),
]


def in_blocks(page: Path) -> Iterator[str]:
    """The lines of the shell blocks of a page that run a verb, by whatever launcher."""
    for block in code_of(page, "bash"):
        for line in block.replace("\\\n", " ").splitlines():
            command = line.partition(" # ")[0].strip()
            if match := re.search(r"^(lmcourse|.*\bscripts/train\.py) (.*)", command):
                yield command if match[1] == "lmcourse" else f"lmcourse train {match[2]}"


def in_prose(page: Path) -> Iterator[str]:
    """The commands in backquotes that have what their verb needs and leave nothing out."""
    for span in re.findall(r"`(lmcourse [\w-]+ [^-`][^`]*)`", text_of(page)):
        for command in span.replace("\n", " ").split(" && "):
            if command.startswith("lmcourse ") and not re.search(r"\.\.\.|<|\bbench ", command):
                yield command


COMMANDS = sorted(
    {" ".join(c.split()) for page in PAGES for c in (*in_blocks(page), *in_prose(page))}
)


def parser_of(verb: str) -> argparse.ArgumentParser:
    return importlib.import_module(f"hf_lmcourse.cli.{verb.replace('-', '_')}")._parser()


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_a_page_is_parsed(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(REPOSITORY)
    _, verb, *words = shlex.split(command)
    if verb == "train":
        read_settings(words)
    elif verb == "study":
        options, others = parser_of(verb).parse_known_args(words)
        study = read_study(options.study)
        point_settings(study, study.points[0], tmp_path, tuple(others))
    else:
        parser_of(verb).parse_args(words)


def test_the_pages_show_commands_of_most_verbs() -> None:
    assert len({command.split()[1] for command in COMMANDS}) > 15


def test_every_option_in_the_prose_of_the_pages_exists() -> None:
    parsers = [parser_of(verb) for verb in VERBS if verb != "train"]
    known = {word for p in parsers for action in p._actions for word in action.option_strings}
    settings = (DataArguments, LabelledDataArguments, RunArguments, config_class_of("llama"))
    known |= {f"--{field.name}" for group in settings for field in dataclasses.fields(group)}
    prose = "".join(re.sub(r"```.*?```", "", text_of(page), flags=re.DOTALL) for page in WRITTEN)
    named = set(re.findall(r"(?<=[\s`])--[a-z][\w-]*", prose))
    assert len(named) > 30
    assert not named - known
