"""`lmcourse push`, and ids of the Hub in the other commands: what goes up, and every way to fail.

The commands run in fresh processes with a Hub on the loopback, since the clients read the Hub's
address when they are imported.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from hf_lmcourse.hub.connection import no_requests

from ..hub.children import (
    CHILD,
    OTHER,
    READ,
    REPOSITORY,
    WRITE,
    environment,
    loopback_hub,
    python,
)
from ..hub.server import HubServer
from .commands import FinishedRun, files_of, lmcourse
from .push_cases import CASES, FAILURES, Case

SHARED = {
    "README.md",
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "plots/learning_curve.png",
    "result.json",
    "samples.txt",
    "tokenizer.json",
    "tokenizer_config.json",
}


@pytest.fixture(scope="module")
def server() -> Iterator[HubServer]:
    with loopback_hub() as server:
        yield server


@pytest.fixture(scope="module")
def run(finished: FinishedRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with what does not belong on a Hub in it."""
    folder = Path(shutil.copytree(finished.folder, tmp_path_factory.mktemp("push") / "run"))
    torch.save({}, folder / "training_args.bin")
    (folder / "optimizer.pt").write_bytes(b"0")
    (folder / "modeling_mine.py").write_text("import os\n")
    (folder / "runs").mkdir()
    (folder / "runs" / "events.out.tfevents").write_bytes(b"0")
    return folder


@pytest.fixture(scope="module")
def words(run: Path, finished: FinishedRun) -> dict[str, str]:
    """The paths that the names in a case stand for."""
    bad = Path(shutil.copytree(run, run.parent / "bad"))
    (bad / "README.md").write_text("---\nlicense: made-up\n---\n# Mine\n")
    paths = {"RUN": run, "BAD": bad, "TEXT": finished.corpus, "YAML": finished.yaml}
    return {name: str(path) for name, path in {**paths, "OUT": run.parent / "trained"}.items()}


def outcomes(
    cases: dict[str, Case], words: dict[str, str], env: dict[str, str]
) -> dict[str, dict[str, Any]]:
    """Run cases in one process."""
    wanted = [
        {
            "words": [words.get(word, word) for word in case.words.split()],
            "token": case.token,
            "trouble": case.trouble and [case.trouble, None],
        }
        for case in cases.values()
    ]
    child = python(CHILD / "commands.py", env=env, stdin=json.dumps(wanted))
    return dict(zip(cases, child.value, strict=True))


@pytest.fixture(scope="module")
def done(
    server: HubServer, words: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, Any]]:
    gated = server.hub.create("models", "bob/gated")
    gated.gated = True
    gated.record("main", {"config.json": b"{}"})
    env = environment(server.url, tmp_path_factory.mktemp("home"))
    return outcomes({**CASES, **FAILURES}, words, env)


def check_failure(outcome: dict[str, Any], message: tuple[str, ...]) -> None:
    """One line that says it, a status that is not zero, in about ten seconds."""
    assert outcome["status"] == 2, outcome
    assert "Traceback" not in outcome["err"] and not outcome["out"]
    (line,) = outcome["err"].strip().splitlines()
    assert all(part in line for part in message), line
    assert all(token not in line for token in (WRITE, READ, OTHER, "hf_wrong"))
    assert outcome["seconds"] < 60  # ten on a machine that does nothing else


@pytest.mark.parametrize("name", CASES)
def test_what_works_says_so(name: str, done: dict[str, dict[str, Any]]) -> None:
    outcome = done[name]
    assert outcome["status"] == 0, outcome["err"]
    assert all(part in outcome["out"] + outcome["err"] for part in CASES[name].message), outcome


@pytest.mark.parametrize("name", FAILURES)
def test_each_cause_is_reported_in_its_own_words(
    name: str, done: dict[str, dict[str, Any]]
) -> None:
    check_failure(done[name], FAILURES[name].message)


@pytest.mark.parametrize("name", [name for name in FAILURES if FAILURES[name].words[:4] == "push"])
def test_a_push_that_failed_leaves_the_folder_and_says_so(
    name: str, done: dict[str, dict[str, Any]], run: Path
) -> None:
    assert f"Nothing in {run.parent}" in done[name]["err"]


def test_a_push_changes_no_file_of_the_run(
    done: dict[str, dict[str, Any]], finished: FinishedRun, run: Path
) -> None:
    before, after = files_of(finished.folder), files_of(run)
    assert before.items() <= after.items()


def test_exactly_what_belongs_there_goes_up(
    server: HubServer, done: dict[str, dict[str, Any]]
) -> None:
    files = server.hub.model("ada/tiny").files()
    assert set(files) == {*SHARED, ".gitattributes"}


def test_a_training_run_shares_its_best_model_and_its_card(
    server: HubServer, done: dict[str, dict[str, Any]]
) -> None:
    files = server.hub.model("ada/trained").files()
    assert set(files) == {*SHARED, ".gitattributes"}
    assert b'from_pretrained("ada/trained")' in files["README.md"]


def test_no_local_path_goes_up(
    server: HubServer, done: dict[str, dict[str, Any]], finished: FinishedRun
) -> None:
    for name, content in server.hub.model("course/tiny").files().items():
        assert str(finished.yaml.parent).encode() not in content, name
        assert str(Path.home()).encode() + b"/" not in content, name


def test_the_same_folder_is_not_sent_twice(
    server: HubServer, done: dict[str, dict[str, Any]]
) -> None:
    references = server.hub.model("ada/tiny").references
    assert len(set(references.values())) == 2, "main and its branch are one commit, and a request"


def test_the_card_says_how_to_load_it_from_there(
    server: HubServer, done: dict[str, dict[str, Any]]
) -> None:
    plain = server.hub.model("ada/tiny").files()["README.md"].decode()
    assert 'from_pretrained("ada/tiny")' in plain and "trust_remote_code" not in plain
    with_code = server.hub.model("course/tiny").files()["README.md"].decode()
    assert 'from_pretrained("course/tiny", trust_remote_code=True)' in with_code


def test_a_page_is_a_static_space_that_the_card_links_to(
    server: HubServer, done: dict[str, dict[str, Any]]
) -> None:
    space = server.hub.repositories["spaces", "ada/shown"].files()
    assert b"sdk: static" in space["README.md"] and b"- ada/shown" in space["README.md"]
    assert b"Content-Security-Policy" in space["index.html"]
    card = server.hub.model("ada/shown").files()["README.md"].decode()
    assert f"({server.url}/spaces/ada/shown)" in card
    assert "/spaces/" not in server.hub.model("ada/tiny").files()["README.md"].decode()


def test_a_private_repository_is_private_and_a_request_leaves_main_alone(
    server: HubServer, done: dict[str, dict[str, Any]]
) -> None:
    assert server.hub.model("course/tiny").private
    tiny = server.hub.model("ada/tiny")
    assert "modeling_lstm.py" in tiny.files("refs/pr/1")
    assert "modeling_lstm.py" not in tiny.files()


@pytest.mark.slow
def test_the_last_cell_of_the_notebook_on_sharing_pushes(
    server: HubServer, run: Path, tmp_path: Path
) -> None:
    source = (REPOSITORY / "notebooks" / "08_to_the_hub.py").read_text()
    cell = source.split("# %%\n")[-1].replace('repository = ""', 'repository = "ada/notebook"')
    (tmp_path / "cell.py").write_text(
        f"from pathlib import Path\nfrom types import SimpleNamespace\n"
        f"run = SimpleNamespace(folder=Path({str(run)!r}))\n{cell}"
    )
    pushed = python(tmp_path / "cell.py", env=environment(server.url, tmp_path, WRITE))
    assert pushed.status == 0, pushed.err
    assert "ada/notebook" in pushed.out
    assert {*SHARED, "modeling_lstm.py"} <= set(server.hub.model("ada/notebook").files())


def test_nothing_is_made_on_the_hub_before_all_is_well(
    server: HubServer, done: dict[str, dict[str, Any]]
) -> None:
    assert ("models", "ada/x") not in server.hub.repositories


WITHOUT_A_HUB = {
    "push": ("push RUN ada/x", "Nothing in"),
    "generate": ("generate ada/x", "not in the cache; a local folder works too"),
    "evaluate": ("evaluate RUN --data ptb", "put ptb/train.txt"),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"HF_HUB_OFFLINE": "1"}, "HF_HUB_OFFLINE is set", id="offline"),
        pytest.param(
            {"HF_ENDPOINT": "http://127.0.0.1:9"},
            "http://127.0.0.1:9 cannot be reached",
            id="unreachable",
        ),
    ],
)
def test_without_a_hub(
    changes: dict[str, str], message: str, words: dict[str, str], tmp_path: Path
) -> None:
    cases = {name: Case(line, (message, hint)) for name, (line, hint) in WITHOUT_A_HUB.items()}
    env = environment("http://127.0.0.1:9", tmp_path, **changes)
    for name, outcome in outcomes(cases, words, env).items():
        check_failure(outcome, cases[name].message)


@pytest.mark.parametrize("name", WITHOUT_A_HUB)
def test_offline(
    name: str, words: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In this process, which a variable would come too late for."""
    monkeypatch.setenv("HF_TOKEN", WRITE)
    monkeypatch.delenv("LMCOURSE_DATA", raising=False)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path)
    line, hint = WITHOUT_A_HUB[name]
    with no_requests():
        complaint = lmcourse(*(words.get(word, word) for word in line.split())).complaint
    assert "HF_HUB_OFFLINE is set" in complaint and hint in complaint
    assert WRITE not in complaint
