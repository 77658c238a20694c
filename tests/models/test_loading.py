"""Loading saved models, whole and damaged."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import PreTrainedModel

from hf_lmcourse import (
    DANConfig,
    DANForSequenceClassification,
    LmcourseError,
    LSTMConfig,
    LSTMForCausalLM,
)
from hf_lmcourse.models.loading import (
    check_vocabulary,
    check_weights,
    load_classifier,
    load_language_model,
    load_tokenizer,
)
from hf_lmcourse.tokenization import train_tokenizer

TEXT = "abcdefgh \n"


def tiny_model(**changes: Any) -> LSTMForCausalLM:
    torch.manual_seed(0)
    vocabulary = len(train_tokenizer("character", TEXT))
    return LSTMForCausalLM(LSTMConfig(**{"vocab_size": vocabulary, "hidden_size": 6} | changes))


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A folder with a model and its tokenizer."""
    folder = tmp_path / "saved"
    tiny_model().save_pretrained(folder)
    train_tokenizer("character", TEXT).save_pretrained(folder)
    return folder


def change_json(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def change_weights(folder: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def test_a_saved_model_comes_back_ready_to_evaluate(saved: Path) -> None:
    model, tokenizer = load_language_model(str(saved))
    expected = tiny_model().state_dict()
    assert not model.training
    assert all(torch.equal(model.state_dict()[name].cpu(), expected[name]) for name in expected)
    assert tokenizer.decode(tokenizer("bad cage")["input_ids"]) == "bad cage"


def test_a_model_of_another_kind_is_named_with_what_is_needed(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(LmcourseError, match="lmcourse_lstm, and a classifier is needed"):
        load_classifier(str(saved))
    words = train_tokenizer("word", "a b\n")
    config = DANConfig(vocab_size=len(words), embedding_size=2, hidden_size=2)
    DANForSequenceClassification(config).save_pretrained(tmp_path / "dan")
    words.save_pretrained(tmp_path / "dan")
    load_classifier(str(tmp_path / "dan"))
    with pytest.raises(LmcourseError, match="lmcourse_dan, and a language model is needed"):
        load_language_model(str(tmp_path / "dan"))


def test_a_tied_model_comes_back(tmp_path: Path) -> None:
    tiny_model(output_layer="tied").save_pretrained(tmp_path)
    train_tokenizer("character", TEXT).save_pretrained(tmp_path)
    model, _ = load_language_model(str(tmp_path))
    check_weights(tmp_path, model)


def test_relative_paths_will_do(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(saved.parent)
    for name in ("saved", "./saved"):
        assert isinstance(load_language_model(name)[0], LSTMForCausalLM)


@pytest.mark.parametrize("name", ["runs/tiny", "./tiny", "../tiny"])
def test_a_folder_that_is_not_there_is_not_looked_for_on_the_hub(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "runs").mkdir()
    monkeypatch.chdir(tmp_path)
    for wanted in (name, str(tmp_path / name)):
        with pytest.raises(LmcourseError, match=f"there is no model at {wanted}$"):
            load_language_model(wanted)


def truncate(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-50])


def corrupt(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"\xff" * 500)


def replace_by_pickle(folder: Path) -> None:
    torch.save(tiny_model().state_dict(), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def cut_head(folder: Path) -> None:
    change_weights(folder, lambda tensors: tensors.pop("lm_head.bias"))


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "truncated weights": (truncate, "are damaged"),
    "corrupt weights": (corrupt, "are damaged"),
    "weights in a pickle": (replace_by_pickle, "no file named model.safetensors"),
    "missing weights": (lambda f: (f / "model.safetensors").unlink(), "no file named"),
    "a missing tensor": (cut_head, "not of this architecture: lm_head.bias is"),
    "another family": (
        lambda f: change_json(f / "config.json", model_type="lmcourse_gru"),
        "a model of lmcourse_gru.* not of this architecture",
    ),
    "another size": (
        lambda f: change_json(f / "config.json", hidden_size=7, embedding_size=7),
        "not of this architecture: [a-z_.0-9]+ is missing",
    ),
    "another depth": (
        lambda f: change_json(f / "config.json", num_hidden_layers=2),
        "not of this architecture: model.layers.1",
    ),
    "a foreign type": (
        lambda f: change_json(f / "config.json", model_type="nobody_knows"),
        "nobody_knows",
    ),
    "a wrong type of value": (
        lambda f: change_json(f / "config.json", hidden_size="wide"),
        "cannot load .*hidden_size",
    ),
    "a broken config": (lambda f: (f / "config.json").write_text("{"), "not a valid JSON"),
    "no config": (lambda f: (f / "config.json").unlink(), "is not a saved model"),
    "a broken tokenizer": (
        lambda f: (f / "tokenizer.json").write_text('{"model": {"type": "?"}}'),
        "cannot load the tokenizer",
    ),
    "an empty tokenizer": (
        lambda f: (f / "tokenizer.json").write_text(""),
        "cannot load the tokenizer",
    ),
    "no tokenizer": (lambda f: (f / "tokenizer.json").unlink(), "cannot load the tokenizer"),
    "code of its own": (
        lambda f: change_json(
            f / "config.json", model_type="own", auto_map={"AutoConfig": "own.Own"}
        ),
        "cannot load",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_model_is_refused_in_one_line(damage: str, saved: Path) -> None:
    do, told = DAMAGES[damage]
    do(saved)
    with pytest.raises(LmcourseError, match=told) as raised:
        load_language_model(str(saved))
    assert "\n" not in str(raised.value)
    assert str(saved) in str(raised.value)


def test_a_tokenizer_with_more_ids_than_the_model_is_refused(saved: Path) -> None:
    shutil.rmtree(saved)
    tiny_model().save_pretrained(saved)
    train_tokenizer("character", TEXT + "xyz").save_pretrained(saved)
    size = tiny_model().config.vocab_size
    with pytest.raises(LmcourseError, match=f"token id {size + 2} .* vocabulary of {size}"):
        load_language_model(str(saved))


def test_a_tokenizer_may_have_fewer_ids_than_the_model() -> None:
    model, tokenizer = tiny_model(vocab_size=100), train_tokenizer("character", TEXT)
    check_vocabulary(model, tokenizer)


def test_loading_a_tokenizer_alone_is_enough_of_a_folder(tmp_path: Path) -> None:
    train_tokenizer("character", TEXT).save_pretrained(tmp_path)
    assert len(load_tokenizer(str(tmp_path))) == tiny_model().config.vocab_size


@pytest.mark.parametrize("output_layer", ["full", "tied"])
def test_weights_of_the_same_architecture_may_be_continued(
    output_layer: str, tmp_path: Path
) -> None:
    model: PreTrainedModel = tiny_model(output_layer=output_layer)
    model.save_pretrained(tmp_path)
    check_weights(tmp_path, model)


@pytest.mark.parametrize(
    "changes", [{"hidden_size": 7}, {"num_hidden_layers": 2}, {"output_layer": "tied"}]
)
def test_weights_of_another_architecture_are_not_continued(
    changes: dict[str, Any], saved: Path
) -> None:
    with pytest.raises(LmcourseError, match="a model of lmcourse_lstm.*not of this architecture"):
        check_weights(saved, tiny_model(**changes))


@pytest.mark.parametrize("damage", ["truncated weights", "corrupt weights", "missing weights"])
def test_damaged_weights_are_not_continued(damage: str, saved: Path) -> None:
    DAMAGES[damage][0](saved)
    with pytest.raises(LmcourseError, match="are damaged or missing .* another checkpoint"):
        check_weights(saved, tiny_model())
