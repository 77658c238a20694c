"""Files of a saved model: their modes, and what is refused before they are used."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from hf_lmcourse import (
    DANConfig,
    DANForSequenceClassification,
    LmcourseError,
    LSTMConfig,
    LSTMForCausalLM,
)
from hf_lmcourse.models.loading import load_language_model
from hf_lmcourse.models.saved_files import check_readable, read_config
from hf_lmcourse.models.weight_files import save_tensors
from hf_lmcourse.tokenization import train_tokenizer


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    tokenizer = train_tokenizer("character", "abc \n")
    LSTMForCausalLM(LSTMConfig(vocab_size=len(tokenizer), hidden_size=6)).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    return tmp_path


@pytest.fixture(params=[0o022, 0o027, 0o002], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def test_every_file_follows_the_umask(umask: int, tmp_path: Path) -> None:
    models = (
        LSTMForCausalLM(LSTMConfig(vocab_size=5, hidden_size=6)),
        DANForSequenceClassification(DANConfig(vocab_size=5, embedding_size=3, hidden_size=4)),
    )
    for number, model in enumerate(models):
        model.save_pretrained(tmp_path / str(number))
    save_tensors({"a": torch.ones(2)}, tmp_path / "a.safetensors")
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) >= 5
    assert {path.stat().st_mode & 0o777 for path in files} == {0o666 & ~umask}


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_not_used(value: float, saved: Path) -> None:
    model = LSTMForCausalLM.from_pretrained(saved)
    with torch.no_grad():
        next(model.parameters()).view(-1)[0] = value
    model.save_pretrained(saved)
    with pytest.raises(LmcourseError, match="NaN or infinity"):
        load_language_model(str(saved))


@pytest.mark.parametrize(
    ("name", "value"), [("vocab_size", 10**9), ("hidden_size", 10**7), ("num_hidden_layers", 10**9)]
)
def test_a_config_of_other_sizes_takes_no_memory(name: str, value: int, saved: Path) -> None:
    config = json.loads((saved / "config.json").read_text())
    (saved / "config.json").write_text(json.dumps(config | {name: value}))
    with pytest.raises(LmcourseError, match="not of this architecture"):
        load_language_model(str(saved))


@pytest.mark.parametrize("content", ["[]", '{"model_type": [1]}', "{", "[" * 100_000, "\xff"])
def test_a_config_of_the_wrong_type_is_refused(content: str, saved: Path) -> None:
    (saved / "config.json").write_text(content, encoding="latin-1")
    with pytest.raises(LmcourseError, match=r"config\.json"):
        read_config(saved)


@pytest.mark.parametrize("content", ["", "[]", "{", "null", "[" * 100_000, "\ufeff{}"])
@pytest.mark.parametrize(
    "name", ["generation_config.json", "tokenizer_config.json", "tokenizer.json"]
)
def test_a_damaged_file_is_named_and_never_ignored(name: str, content: str, saved: Path) -> None:
    (saved / name).write_text(content)
    with pytest.raises(LmcourseError, match=re.escape(name)):
        load_language_model(str(saved))


def test_the_message_says_what_is_wrong_with_a_setting(saved: Path) -> None:
    config = json.loads((saved / "config.json").read_text())
    (saved / "config.json").write_text(json.dumps(config | {"hidden_size": "many"}))
    with pytest.raises(LmcourseError, match="hidden_size.*many"):
        load_language_model(str(saved))


def test_a_file_that_may_not_be_read_is_not_called_missing(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, open_any = saved / "model.safetensors", Path.open

    def refuse(self: Path, *args: object, **options: object) -> object:
        if self == path:
            raise PermissionError(13, "Permission denied", str(path))
        return open_any(self, *args, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(LmcourseError, match=r"cannot read .*model\.safetensors: Permission denied"):
        check_readable(saved)
