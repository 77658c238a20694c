"""The settings of models of other packages are read like those of ours."""

from pathlib import Path
from typing import Any, Literal

import pytest
from transformers import CONFIG_MAPPING
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from hf_lmcourse import LmcourseError
from hf_lmcourse.runs.config_options import json_or_text, option_type, reads_json

from .test_settings import read

MODEL_TYPES = ("gpt2", "llama", "gpt_neox", "mamba2", "rwkv", "xlstm", "gpt_neo", "mpt")


def config(folder: Path, model: dict[str, Any], *words: str, **data: Any) -> Any:
    return read(folder, {"model": model, "data": data}, *words).config


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_without_settings_a_model_has_its_own_defaults(model_type: str, tmp_path: Path) -> None:
    """But for the vocabulary, the special tokens and the longest context."""
    found, default = config(tmp_path, {"model_type": model_type}), CONFIG_MAPPING[model_type]()
    positions = default.attribute_map.get("max_position_embeddings", "max_position_embeddings")
    expected = default.to_dict()
    for name, value in found.to_dict().items():
        if name not in ("vocab_size", positions):
            assert value == expected[name], name


@pytest.mark.slow
@pytest.mark.parametrize("model_type", sorted(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES))
def test_every_causal_model_is_read_or_refused_in_a_sentence(
    model_type: str, tmp_path: Path
) -> None:
    try:
        # some types, such as gpt-sw3, have the config of another
        assert type(config(tmp_path, {"model_type": model_type})) is CONFIG_MAPPING[model_type]
    except LmcourseError as error:
        assert "not a causal model of text alone" in str(error)
        assert not hasattr(CONFIG_MAPPING[model_type], "vocab_size")


@pytest.mark.parametrize(
    ("model", "words", "expected"),
    [
        ({"model_type": "gpt2", "n_layer": 3}, ["--n_embd", "24"], {"n_layer": 3, "n_embd": 24}),
        ({"model_type": "gpt2", "resid_pdrop": 0}, [], {"resid_pdrop": 0}),
        ({"model_type": "gpt2", "layer_norm_epsilon": "1e-6"}, [], {"layer_norm_epsilon": 1e-6}),
        ({"model_type": "gpt2"}, ["--no_scale_attn_weights"], {"scale_attn_weights": False}),
        ({"model_type": "gpt2", "n_inner": 8}, ["--n_inner", "None"], {"n_inner": None}),
        ({"model_type": "mamba2", "time_step_limit": [0.1, 2]}, [], {"time_step_limit": [0.1, 2]}),
        ({"model_type": "mamba2"}, ["--time_step_limit", "0", "3"], {"time_step_limit": [0, 3]}),
        ({"model_type": "mamba2", "time_step_rank": 3}, [], {"time_step_rank": 3}),
        ({"model_type": "mamba2"}, ["--time_step_rank", "auto"], {"time_step_rank": 256}),
        (
            {"model_type": "gpt_neo", "attention_types": [[["global", "local"], 1]]},
            ["--num_layers", "2"],
            {"attention_layers": ["global", "local"]},
        ),
        (
            {"model_type": "llama", "rope_parameters": {"rope_theta": "5e3"}},
            [],
            {"rope_parameters": {"rope_theta": 5000.0, "rope_type": "default"}},
        ),
        ({"model_type": "xlstm"}, ["--weight_mode", "fused"], {"weight_mode": "fused"}),
    ],
)
def test_settings_of_every_type_are_read(
    model: dict[str, Any], words: list[str], expected: dict[str, Any], tmp_path: Path
) -> None:
    found = config(tmp_path, model, *words)
    assert {name: getattr(found, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("model", "words", "message"),
    [
        ({"model_type": "gtp2"}, [], "unknown model_type 'gtp2': did you mean 'gpt2'"),
        ({"model_type": "bert2x"}, [], "unknown model_type 'bert2x'"),
        ({"model_type": "gemma3"}, [], "'gemma3' is not a causal model of text alone"),
        ({"model_type": "t5"}, [], "'t5' is not a causal model of text alone"),
        ({"model_type": "gpt2", "n_layers": 2}, [], "'n_layers'.*did you mean 'n_layer'"),
        ({"model_type": "gpt2", "hidden_size": 8}, [], "'hidden_size'.*did you mean 'n_embd'"),
        ({"model_type": "gpt2"}, ["--num_hidden_layer", "2"], "did you mean 'n_layer'"),
        ({"model_type": "gpt2"}, ["--n_hed", "2"], "--n_hed: did you mean 'n_head'"),
        ({"model_type": "gpt2", "n_layer": "two"}, [], "n_layer.*'two'"),
        ({"model_type": "gpt2", "vocab_size": 2}, [], "unknown key 'vocab_size'"),
        ({"model_type": "llama", "rope_parameters": {"rope_thet": 1}}, [], "mean 'rope_theta'"),
        ({"model_type": "mpt", "attn_config": {"atn_pdrop": 0.1}}, [], "mean 'attn_pdrop'"),
        ({"model_type": "mpt"}, ["--attn_config", "alibi"], "attn_config"),
    ],
)
def test_a_wrong_setting_is_refused_with_the_nearest(
    model: dict[str, Any], words: list[str], message: str, tmp_path: Path
) -> None:
    with pytest.raises(LmcourseError, match=message) as raised:
        config(tmp_path, model, *words)
    assert len(str(raised.value)) < 300


@pytest.mark.parametrize(
    ("model_type", "name"),
    [
        ("gpt2", "n_positions"),
        ("llama", "max_position_embeddings"),
        ("rwkv", "context_length"),
        ("dbrx", "max_seq_len"),
    ],
)
def test_the_longest_context_is_that_of_the_training_unless_it_is_given(
    model_type: str, name: str, tmp_path: Path
) -> None:
    model = {"model_type": model_type}
    assert getattr(config(tmp_path, model, block_length=48), name) == 48
    default = getattr(CONFIG_MAPPING[model_type](), name)
    for given in (100, default):
        words = [f"--{name}", str(given)]
        assert getattr(config(tmp_path, model, *words, block_length=48), name) == given


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        (int, int),
        (float | int, float),
        (int | float | None, float | None),
        (list[int] | tuple[int, ...] | None, list[int] | None),
        (list[float | int], list[float]),
        (Literal["a", "b"], Literal["a", "b"]),
    ],
)
def test_the_parser_is_given_one_type(declared: Any, expected: Any) -> None:
    assert option_type(declared) == expected
    assert not reads_json(option_type(declared))


@pytest.mark.parametrize("declared", [dict, list, int | str | None, int | list[int], dict | None])
def test_what_has_several_types_is_json(declared: Any) -> None:
    assert reads_json(option_type(declared))
    assert [json_or_text(text) for text in ("auto", "3", "[1e-05]")] == ["auto", 3, [1e-5]]
