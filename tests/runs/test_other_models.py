"""`lmcourse train` with models of other packages, from the settings to the run folder and back."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from transformers import AutoModelForCausalLM

import hf_lmcourse
from hf_lmcourse import LmcourseError
from hf_lmcourse.data.streams import ContiguousStreams
from hf_lmcourse.data.windows import TokenWindows
from hf_lmcourse.runs.settings import read_settings
from hf_lmcourse.runs.start import prepare_run
from hf_lmcourse.runs.training_run import TrainingRun

MODELS: dict[str, dict[str, Any]] = {
    "gpt2": {"n_layer": 1, "n_head": 2, "n_embd": 8},
    "llama": {
        "hidden_size": 8,
        "intermediate_size": 8,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
    },
    "mamba": {"hidden_size": 8, "num_hidden_layers": 1, "state_size": 4},
    "rwkv": {"hidden_size": 8, "num_hidden_layers": 2},
    "mamba2": {
        "hidden_size": 8,
        "num_hidden_layers": 1,
        "num_heads": 2,
        "head_dim": 8,
        "state_size": 4,
        "n_groups": 1,
        "chunk_size": 4,
    },
}
STREAMING = ("rwkv", "mamba2")


def recipe(folder: Path, model_type: str, model: dict[str, Any], **training: Any) -> Path:
    text = folder / "text.txt"
    text.write_text("".join(f"{n} sat on {n * n}\n" for n in range(150)), encoding="utf-8")
    settings = {
        "max_steps": 8,
        "per_device_train_batch_size": 4,
        "eval_strategy": "no",
        "save_strategy": "steps",
        "save_steps": 3,
        "sample_length": 30,
        "use_cpu": True,
        "disable_tqdm": True,
        "output_dir": str(folder / "run"),
    }
    data = {"corpus": str(text), "block_length": 12, "cache_dir": str(folder / "cache")}
    sections = {
        "model": {"model_type": model_type, **model},
        "data": data | {name: training.pop(name) for name in list(training) if name in data},
        "training": settings | training,
    }
    path = folder / f"{model_type}.yaml"
    path.write_text(yaml.safe_dump(sections), encoding="utf-8")
    return path


def prepared(path: Path, *words: str) -> TrainingRun:
    return prepare_run(read_settings([str(path), *words]), ["lmcourse", "train"])


@pytest.mark.parametrize("model_type", MODELS)
def test_a_model_of_transformers_is_trained_scored_and_found_again(
    model_type: str, tmp_path: Path
) -> None:
    run = prepared(recipe(tmp_path, model_type, MODELS[model_type]))
    train = run.trainer.train_dataset
    assert isinstance(train, ContiguousStreams if model_type in STREAMING else TokenWindows)
    run.train()
    summary = run.finish()
    assert summary.sample
    card = (run.folder / "README.md").read_text(encoding="utf-8")
    assert f"`{type(run.trainer.model).__name__}` of the package `transformers`" in card
    result = json.loads((run.folder / "result.json").read_text(encoding="utf-8"))
    assert result["model_type"] == model_type
    length = None if model_type in STREAMING else 12
    text = str(tmp_path / "text.txt")
    again = hf_lmcourse.evaluate(run.folder, text, "validation", block_length=length)
    assert again["perplexity"] == pytest.approx(summary.metrics["validation"]["perplexity"])
    loaded = AutoModelForCausalLM.from_pretrained(run.folder)
    assert loaded.config.vocab_size == len(run.tokenizer)
    for name, weight in run.trainer.model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], weight), name


@pytest.mark.parametrize("model_type", ["gpt2", "rwkv"])
def test_a_run_goes_on_bit_for_bit(model_type: str, tmp_path: Path) -> None:
    path = recipe(tmp_path, model_type, MODELS[model_type])
    whole = prepared(path)
    whole.train()
    checkpoint = whole.folder / "checkpoints" / "checkpoint-6"
    words = ["--resume_from_checkpoint", str(checkpoint), "--output_dir", str(tmp_path / "on")]
    resumed = prepared(path, *words)
    torch.manual_seed(99)
    resumed.train()
    for name, weight in whole.trainer.model.state_dict().items():
        assert torch.equal(resumed.trainer.model.state_dict()[name], weight), name


def test_a_sample_ends_where_the_positions_end(tmp_path: Path) -> None:
    run = prepared(recipe(tmp_path, "gpt2", MODELS["gpt2"], sample_length=100))
    run.train()
    sample = run.finish().sample
    assert sample is not None and len(sample) == 1 + 12


BERT = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}


@pytest.mark.parametrize(
    ("model_type", "model", "training", "message"),
    [
        ("bert", BERT, {}, "bert.* looks ahead"),
        ("gpt2", {"n_embd": 9, "n_head": 2}, {}, "model settings of .*gpt2.yaml"),
        ("gpt2", {**MODELS["gpt2"], "n_positions": 8}, {}, "block_length 12 is longer .* 8"),
        ("gpt2", MODELS["gpt2"], {"rank_contexts": 50}, "rank_contexts"),
        ("gpt2", MODELS["gpt2"], {"sample_prompt": "1" * 13}, "prompt has 13 tokens .* 12"),
        ("rwkv", {**MODELS["rwkv"], "num_hidden_layers": 7}, {}, "rescale_every 0"),
    ],
)
def test_a_model_that_cannot_be_trained_is_refused_before_it_is(
    model_type: str, model: dict[str, Any], training: dict[str, Any], message: str, tmp_path: Path
) -> None:
    path = recipe(tmp_path, model_type, model, **training)
    with pytest.raises(LmcourseError, match=message) as raised:
        prepared(path)
    assert len(str(raised.value)) < 300
    assert not (tmp_path / "run").exists()


def test_word_vectors_are_read_if_their_size_is_that_of_the_embeddings(tmp_path: Path) -> None:
    vectors = tmp_path / "vectors.txt"
    vectors.write_text("s " + " ".join(map(str, range(8))) + "\n", encoding="utf-8")
    path = recipe(tmp_path, "gpt2", MODELS["gpt2"])
    run = prepared(path, "--vectors", str(vectors))
    token = run.tokenizer.convert_tokens_to_ids("s")
    weight = run.trainer.model.get_input_embeddings().weight[token].detach()
    assert np.array_equal(weight.numpy(), np.arange(8))
    with pytest.raises(LmcourseError, match="have size 8 and that of the embeddings is 16"):
        prepared(path, "--vectors", str(vectors), "--n_embd", "16")
