"""Settings survive saving, agree with each other, and are refused where they make no sense."""

import math
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub.errors import StrictDataclassError
from transformers import AutoConfig

from hf_lmcourse import CharRNNConfig, DANConfig

from .families import (
    FAMILIES,
    OUTPUT_LAYERS,
    Family,
    every_family,
    every_output_layer,
    every_recurrent_family,
)

BAD_SETTINGS: dict[str, tuple[dict[str, Any], str]] = {
    "negative dropout": ({"embedding_dropout": -0.1}, "embedding_dropout must be at least 0"),
    "dropout of one": ({"embedding_dropout": 1}, "embedding_dropout must be .* below 1, not 1"),
    "embedding dropout": ({"embedding_dropout": 1.5}, "embedding_dropout must be"),
    "no number": ({"initializer_range": math.nan}, "initializer_range must be a finite number"),
    "infinity": ({"initializer_range": math.inf}, "initializer_range must be a finite number"),
    "no such output layer": ({"output_layer": "hierarchical"}, "output_layer"),
    "text for a number": ({"hidden_size": "16"}, "hidden_size"),
    "fraction for a whole number": ({"num_hidden_layers": 1.5}, "num_hidden_layers"),
    "adaptive without cut-offs": ({"output_layer": "adaptive"}, "it needs them"),
    "cut-offs that nobody reads": ({"adaptive_cutoffs": [4]}, "go with output_layer"),
    "falling cut-offs": ({"output_layer": "adaptive", "adaptive_cutoffs": [8, 4]}, "must rise"),
    "repeated cut-offs": ({"output_layer": "adaptive", "adaptive_cutoffs": [4, 4]}, "must rise"),
    "cut-off at zero": ({"output_layer": "adaptive", "adaptive_cutoffs": [0, 4]}, "must rise"),
    "nothing to sample": ({"num_sampled": 0}, "num_sampled must be at least 1, or None, not 0"),
    "too much to sample": ({"num_sampled": 12}, "num_sampled must be at most vocab_size 11"),
    "sampled clusters": (
        {"num_sampled": 3, "output_layer": "adaptive", "adaptive_cutoffs": [4]},
        "num_sampled goes with",
    ),
    "sparse gradients of all words": ({"sparse_gradients": True}, "sparse_gradients go with"),
    "cut-off at the end": ({"output_layer": "adaptive", "adaptive_cutoffs": [4, 11]}, "must rise"),
}
BAD_RECURRENT_SETTINGS: dict[str, tuple[dict[str, Any], str]] = {
    "negative dropout": ({"hidden_dropout": -0.1}, "hidden_dropout must be at least 0"),
    "dropout of one": ({"recurrent_dropout": 1}, "recurrent_dropout must be .* below 1, not 1"),
    "output dropout": ({"output_dropout": 2}, "output_dropout must be"),
    "no such backend": ({"backend": "cudnn"}, "backend"),
}


@every_family
@pytest.mark.parametrize("case", BAD_SETTINGS)
def test_bad_settings_are_refused_by_name(family: Family, case: str) -> None:
    changes, message = BAD_SETTINGS[case]
    with pytest.raises((StrictDataclassError, ValueError), match=message):
        family.config(**changes)


@every_recurrent_family
@pytest.mark.parametrize("case", BAD_RECURRENT_SETTINGS)
def test_bad_settings_of_a_recurrence_are_refused_by_name(family: Family, case: str) -> None:
    changes, message = BAD_RECURRENT_SETTINGS[case]
    with pytest.raises((StrictDataclassError, ValueError), match=message):
        family.config(**changes)


def test_the_library_backend_has_no_sigmoid() -> None:
    with pytest.raises((StrictDataclassError, ValueError), match="no sigmoid recurrence"):
        CharRNNConfig(hidden_act="sigmoid", backend="torch")
    assert CharRNNConfig(hidden_act="sigmoid").backend == "auto"


@every_family
@every_output_layer
def test_settings_survive_saving(family: Family, output_layer: str, tmp_path: Path) -> None:
    config = family.config(**OUTPUT_LAYERS[output_layer], eos_token_id=2, word_dropout=0.25)
    config.save_pretrained(tmp_path)
    loaded = AutoConfig.from_pretrained(tmp_path)
    assert type(loaded) is family.config_class
    assert loaded.to_dict() == {**config.to_dict(), "_name_or_path": str(tmp_path)}


@every_family
def test_a_setting_that_the_family_does_not_have_is_refused(family: Family) -> None:
    with pytest.raises(ValueError, match="no setting 'hiden_size': did you mean 'hidden_size'"):
        family.config(hiden_size=16)
    strange = "context_size" if not hasattr(family.config(), "context_size") else "locked_dropout"
    with pytest.raises(ValueError, match=f"no setting '{strange}'"):
        family.config(**{strange: 3})


@every_family
def test_what_other_tools_add_to_a_saved_config_is_kept(family: Family, tmp_path: Path) -> None:
    config = family.config()
    config.added = 1
    config.save_pretrained(tmp_path)
    loaded = AutoConfig.from_pretrained(tmp_path)
    assert loaded.added == 1
    assert "_saved" not in loaded.to_dict()


@pytest.mark.parametrize(
    "config", [*(family.config() for family in FAMILIES), DANConfig()], ids=lambda c: c.model_type
)
def test_a_config_is_made_again_from_its_own_dictionary_or_file(
    config: Any, tmp_path: Path
) -> None:
    config.save_pretrained(tmp_path)
    loaded = AutoConfig.from_pretrained(tmp_path)
    kind = type(config)
    assert kind(**config.to_diff_dict()).to_dict() == config.to_dict()
    assert kind(**loaded.to_dict()).to_dict() == loaded.to_dict()
    assert kind.from_json_file(tmp_path / "config.json").to_dict() == config.to_dict()
    with pytest.raises(ValueError, match="no setting 'hiden_size'"):
        kind(**loaded.to_dict(), hiden_size=16)
    with pytest.raises(ValueError, match="no setting 'model_type'"):
        kind(**{**loaded.to_dict(), "model_type": "gpt2"})


@every_family
def test_the_two_names_of_tying_agree(family: Family) -> None:
    assert family.config(tie_word_embeddings=True).output_layer == "tied"
    assert family.config(output_layer="tied").tie_word_embeddings
    assert not family.config().tie_word_embeddings


@every_family
def test_embeddings_are_as_wide_as_the_state_by_default(family: Family) -> None:
    assert family.config(embedding_size=None, hidden_size=24).embedding_size == 24
    assert family.config(embedding_size=7, hidden_size=24).embedding_size == 7


@every_family
def test_defaults_are_a_valid_model_of_their_own(family: Family) -> None:
    config = family.config_class()
    assert 1 <= len(config.layer_types) <= config.num_hidden_layers
    assert "past_key_values" in config.keys_to_ignore_at_inference
