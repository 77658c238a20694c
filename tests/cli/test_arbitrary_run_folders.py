"""Whatever the JSON files of a saved model contain, it works, or is refused in one sentence."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hf_lmcourse import LSTMConfig, LSTMForCausalLM, TransformerConfig, TransformerForCausalLM
from hf_lmcourse.tokenization import train_tokenizer

from .commands import lmcourse

TEXT = "abcdefgh \n"
FILES = ("config.json", "generation_config.json", "tokenizer_config.json", "tokenizer.json")
NEW_NAMES = ("num_beams", "eos_token_id", "temperature", "num_hidden_layers", "dtype", "top_k")
VALUES = [
    *(None, True, 0, -1, 3, 10**9, 10**30, 1e400, float("nan"), 0.5),
    *("", "abc", "1", "lmcourse_gru", [], [1], ["a"], {}, {"a": 1}, [[[]]]),
]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recurrent and a windowed model with their tokenizer, and a text."""
    torch.manual_seed(0)
    root, tokenizer = tmp_path_factory.mktemp("models"), train_tokenizer("character", TEXT)
    size: dict[str, Any] = {"vocab_size": len(tokenizer), "hidden_size": 8}
    window = {"max_position_embeddings": 8, "num_attention_heads": 2, "num_hidden_layers": 1}
    LSTMForCausalLM(LSTMConfig(**size)).save_pretrained(root / "lstm")
    TransformerForCausalLM(TransformerConfig(**size, **window)).save_pretrained(
        root / "transformer"
    )
    for name in ("lstm", "transformer"):
        tokenizer.save_pretrained(root / name)
    (root / "text.txt").write_text(TEXT * 3)
    return root


def places(content: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of each value in a JSON document, the document itself included."""
    keys: Any = content if isinstance(content, dict) else ()
    if isinstance(content, list):
        keys = range(len(content))
    return [path, *(place for key in keys for place in places(content[key], (*path, key)))]


def replaced(content: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    copy = content.copy()
    inner = content[path[0]] if len(path) > 1 else None
    copy[path[0]] = replaced(inner, path[1:], value)
    return copy


def check(folder: Path, text: Path) -> None:
    """Each command succeeds, or says in one sentence why it does not."""
    for words in (
        ("evaluate", folder, "--data", text),
        ("generate", folder, "--prompt", "a", "--length", 3),
    ):
        outcome = lmcourse(*words)
        assert outcome.status in (0, 2)
        if outcome.status == 2:
            assert len(outcome.complaint.partition(": ")[2]) < 300


@settings(max_examples=60, deadline=None, derandomize=True)
@given(data=st.data())
def test_any_value_in_a_file_works_or_is_refused(
    data: st.DataObject, folders: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    copy = tmp_path_factory.mktemp("copy") / "run"
    shutil.copytree(folders / data.draw(st.sampled_from(["lstm", "transformer"])), copy)
    file = copy / data.draw(st.sampled_from(FILES))
    content = json.loads(file.read_text()) if file.exists() else {}
    place = data.draw(st.sampled_from([*places(content), *((name,) for name in NEW_NAMES)]))
    value = data.draw(st.sampled_from(VALUES))
    file.write_text(json.dumps(replaced(content, place, value)))
    check(copy, folders / "text.txt")


@settings(max_examples=20, deadline=None, derandomize=True)
@given(data=st.data())
def test_any_bytes_in_a_file_work_or_are_refused(
    data: st.DataObject, folders: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    copy = tmp_path_factory.mktemp("copy") / "run"
    shutil.copytree(folders / "lstm", copy)
    file = copy / data.draw(st.sampled_from([*FILES, "model.safetensors"]))
    before = file.read_bytes() if file.exists() else b"{}"
    start = data.draw(st.integers(0, len(before)))
    end = data.draw(st.integers(start, min(len(before), start + 8)))
    file.write_bytes(before[:start] + data.draw(st.binary(max_size=4)) + before[end:])
    check(copy, folders / "text.txt")
