"""`lmcourse push`: what is refused before any Hub is asked."""

import json
from pathlib import Path

import pytest

from .commands import lmcourse

TOKEN = "hf_" + 30 * "x"


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    assert "there is no folder" in lmcourse("push", tmp_path / "no", "ada/x").complaint
    assert "has no config.json" in lmcourse("push", tmp_path, "ada/x").complaint
    (tmp_path / "config.json").write_text("{}")
    assert "has no model.safetensors" in lmcourse("push", tmp_path, "ada/x").complaint


@pytest.mark.parametrize(
    ("name", "message"),
    [("tiny", "namespace/name"), ("a/b/c", "cannot be"), ("a/..b", "cannot be")],
)
def test_a_name_that_cannot_exist_is_refused(name: str, message: str, run_copy: Path) -> None:
    assert message in lmcourse("push", run_copy, name).complaint


def test_an_access_token_in_a_file_is_not_shared(run_copy: Path) -> None:
    with (run_copy / "README.md").open("a") as card:
        card.write(f"\nmy token: {TOKEN}\n")
    complaint = lmcourse("push", run_copy, "ada/x").complaint
    assert "README.md contains an access token" in complaint and TOKEN not in complaint


def test_code_of_other_people_is_not_shared(run_copy: Path) -> None:
    config = json.loads((run_copy / "config.json").read_text())
    (run_copy / "config.json").write_text(json.dumps({**config, "model_type": "gpt2"}))
    assert "no code to share" in lmcourse("push", run_copy, "ada/x", "--with-code").complaint


def test_a_broken_config_is_named(run_copy: Path) -> None:
    (run_copy / "config.json").write_text("{")
    assert "config.json is not a valid JSON" in lmcourse("push", run_copy, "ada/x").complaint


@pytest.mark.parametrize("more", [("--revision", "second"), ("--create-pr",)])
def test_a_page_is_not_put_up_for_a_branch(more: tuple[str, ...], run_copy: Path) -> None:
    assert "--page" in lmcourse("push", run_copy, "ada/x", "--page", *more).complaint
