"""The average of models has the mean of their probabilities, token by token."""

from pathlib import Path
from typing import Any

import pytest
import torch

from hf_lmcourse import (
    CharacterTokenizer,
    GRUConfig,
    GRUForCausalLM,
    LmcourseError,
    LSTMConfig,
    LSTMForCausalLM,
    TransformerConfig,
    TransformerForCausalLM,
)
from hf_lmcourse.evaluation.averaged_models import AVERAGE, evaluate_average
from hf_lmcourse.report.json_files import read_json

TEXT = "the cat sat\non the mat\n\nno hat on a mat\n"
WINDOW = 8


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LMCOURSE_CACHE", str(tmp_path / "cache"))


def saved(folder: Path, kind: str, characters: str = TEXT) -> str:
    """A model with random weights, in a folder of its own."""
    tokenizer = CharacterTokenizer.train(characters)
    sizes: dict[str, Any] = {"vocab_size": len(tokenizer), "hidden_size": 6}
    torch.manual_seed(len(kind))
    model: Any = {
        "lstm": lambda: LSTMForCausalLM(LSTMConfig(**sizes)),
        "gru": lambda: GRUForCausalLM(GRUConfig(**sizes)),
        "transformer": lambda: TransformerForCausalLM(
            TransformerConfig(
                **sizes, num_attention_heads=2, num_hidden_layers=1, max_position_embeddings=WINDOW
            )
        ),
    }[kind]()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.7)
    model.save_pretrained(folder / kind)
    tokenizer.save_pretrained(folder / kind)
    return str(folder / kind)


def text_file(folder: Path) -> Path:
    path = folder / "text.txt"
    path.write_text(TEXT)
    return path


def probabilities(name: str, starts: list[int]) -> torch.Tensor:
    """p of each character given those from its start on: a forward pass each, in float64."""
    kinds: Any = {"lstm": LSTMForCausalLM, "gru": GRUForCausalLM}
    model = kinds.get(Path(name).name, TransformerForCausalLM).from_pretrained(name).double()
    tokenizer = CharacterTokenizer.from_pretrained(name)
    ids = [tokenizer.get_vocab()["\n"], *tokenizer(TEXT)["input_ids"]]
    values = []
    for t, start in enumerate(starts):
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([ids[start : t + 1]])).logits[0, -1]
        values.append(torch.softmax(logits, -1)[ids[t + 1]])
    return torch.stack(values)


def window_starts(stride: int) -> list[int]:
    """Where the window begins that predicts each character."""
    return [max(0, -(-(t + 1 - WINDOW) // stride)) * stride for t in range(len(TEXT))]


def test_models_of_streams_and_of_windows_are_averaged_token_by_token(tmp_path: Path) -> None:
    names = [saved(tmp_path, kind) for kind in ("lstm", "gru", "transformer")]
    study = evaluate_average(names, text_file(tmp_path))
    whole = [0] * len(TEXT)
    p = torch.stack(
        [
            probabilities(name, whole if "transformer" not in name else window_starts(WINDOW // 2))
            for name in names
        ]
    )
    assert list(study.variants) == [*names, AVERAGE]
    found = study.columns[AVERAGE]
    assert found["nats_per_token"] == pytest.approx(-p.mean(0).log().mean().item(), rel=1e-5)
    assert found["tokens"] == len(TEXT)
    assert "accuracy" not in found
    for name, own in zip(names, p, strict=True):
        expected = -own.log().mean().item()
        assert study.columns[name]["nats_per_token"] == pytest.approx(expected, rel=1e-5)
    mean = sum(study.columns[name]["nats_per_token"] for name in names) / len(names)
    assert found["nats_per_token"] < mean, "the logarithm is concave"


def test_tokens_of_several_streams_and_short_blocks_are_paired(tmp_path: Path) -> None:
    names, streams = [saved(tmp_path, kind) for kind in ("lstm", "gru")], 3
    study = evaluate_average(names, text_file(tmp_path), streams=streams, block_length=5)
    shortest, longer = divmod(len(TEXT), streams)
    sizes = [shortest + (stream < longer) for stream in range(streams)]
    starts = [sum(sizes[:stream]) for stream in range(streams) for _ in range(sizes[stream])]
    p = torch.stack([probabilities(name, starts) for name in names]).mean(0)
    expected = -p.log().mean().item()
    assert study.columns[AVERAGE]["nats_per_token"] == pytest.approx(expected, rel=1e-5)


def test_an_average_is_saved_as_a_study_without_folders_of_this_machine(tmp_path: Path) -> None:
    names = [saved(tmp_path / "first", "lstm"), saved(tmp_path / "second", "lstm")]
    study = evaluate_average(names, text_file(tmp_path))
    study.save(["lmcourse", "evaluate"], tmp_path)
    record = read_json(tmp_path / "average_lstm_lstm.json")
    assert record["factors"] == {"model": ["path/to/lstm", "path/to/lstm (2)", AVERAGE]}
    *members, average = record["points"]
    assert [point["variant"] for point in record["points"]] == record["factors"]["model"]
    assert average["parameters"] == sum(point["parameters"] for point in members)
    assert average["metrics"][study.split] == study.columns[AVERAGE]
    assert record["model_type"] == "lmcourse_lstm"


def test_models_of_other_tokens_are_refused_before_any_is_scored(tmp_path: Path) -> None:
    names = [saved(tmp_path, "lstm"), saved(tmp_path, "gru", characters=TEXT[::-1] + "!")]
    with pytest.raises(LmcourseError, match=r"gru has another tokenizer than .*lstm"):
        evaluate_average(names, tmp_path / "there is no text")


@pytest.mark.parametrize("times", [1, 2])
def test_one_model_is_no_average(times: int, tmp_path: Path) -> None:
    with pytest.raises(LmcourseError, match="two models or more"):
        evaluate_average([saved(tmp_path, "lstm")] * times, text_file(tmp_path))
