"""What leaves the machine names no local path and no access token."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hf_lmcourse.report.redact import redacted

names = st.text(alphabet="abcXYZ019_-.", min_size=1, max_size=8).filter(lambda s: s.strip("."))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("train a.yaml --data_dir /home/me/corpora", "train a.yaml --data_dir path/to/corpora"),
        ("--data_dir=/home/me/corpora/", "--data_dir=path/to/corpora"),
        ("data_dir: /data # a comment", "data_dir: path/to/data # a comment"),
        ("'/home/my name/a.txt'", "'path/to/a.txt'"),
        ("file:///home/me/a.txt", "path/to/a.txt"),
        (r"--data_dir C:\Users\me\a.txt", "--data_dir path/to/a.txt"),
        ("--hub_token secret --seed 1", "--hub_token *** --seed 1"),
        ("--token=secret", "--token=***"),
        ("{'hub_token': 'secret'}", "{'hub_token': ***}"),
        ("see hf_" + "a1B2" * 8, "see ***"),
    ],
)
def test_paths_and_tokens_are_taken_out(text: str, expected: str) -> None:
    assert redacted(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "lmcourse train configs/a.yaml --output_dir ./runs/a ../b ~/c",
        "https://huggingface.co/datasets/Salesforce/wikitext and validation / test, 1/2 of it",
        "hub_token: null",
        "nats per token: 4.5",
        "import hf_lmcourse",
    ],
)
def test_everything_else_stays(text: str) -> None:
    assert redacted(text) == text


def test_a_path_below_the_current_directory_becomes_relative() -> None:
    assert redacted(f"train {Path.cwd()}/configs/a.yaml") == "train configs/a.yaml"


@given(
    parts=st.lists(names, min_size=1, max_size=4), before=st.sampled_from(["", "x ", "--a=", "'"])
)
def test_no_absolute_path_is_left_and_none_appears_the_second_time(
    parts: list[str], before: str
) -> None:
    path = "/" + "/".join(parts)
    text = before + path + ("'" if before == "'" else "")
    shared = redacted(text)
    assert path not in f" {shared}".replace(f"path/to{path}", "")
    assert redacted(shared) == shared
