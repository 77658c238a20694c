"""The families are known everywhere, and none is imported before it is asked for."""

import os
import subprocess
import sys

import pytest

import hf_lmcourse
from hf_lmcourse import models
from hf_lmcourse.models.families import EXPORTS, MODEL_TYPES, import_family

IMPORTS_LITTLE = """
import sys
import hf_lmcourse
heavy = {"torch", "transformers", "numpy"} & sys.modules.keys()
assert not heavy, heavy
assert "LSTMConfig" in dir(hf_lmcourse) and "LSTMConfig" in dir(hf_lmcourse.models)
assert {"train", "evaluate", "perplexity", "StreamTrainer"} <= set(dir(hf_lmcourse))
"""

KNOWN = """
FIRST
import sys
assert not [name for name in sys.modules if name.startswith("hf_lmcourse.models.lstm")]
from transformers import AutoConfig, AutoModelForCausalLM
config = AutoConfig.for_model("lmcourse_lstm", vocab_size=3, hidden_size=2)
model = AutoModelForCausalLM.from_config(config)
assert (type(config).__name__, type(model).__name__) == ("LSTMConfig", "LSTMForCausalLM")
assert "hf_lmcourse.models.gru" not in sys.modules
# what the mapping lists after transformers' own, of which there are hundreds
from transformers.models.auto.configuration_auto import CONFIG_MAPPING
registered = CONFIG_MAPPING._extra_content
assert all(kind.model_type == name for name, kind in registered.items())
assert type(config) in registered.values() and len(registered.values()) == 7
"""

ORDERS = {
    "before transformers": "import hf_lmcourse, transformers",
    "after the Auto classes": "from transformers import AutoConfig\nimport hf_lmcourse",
    # this module imports the Auto classes while it is itself only half imported
    "before a module that needs them": "import hf_lmcourse, transformers.modeling_layers",
}
HARDEST = "before a module that needs them"


def run_alone(script: str) -> None:
    """Run a script in a process of its own."""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_import_brings_neither_torch_nor_transformers() -> None:
    run_alone(IMPORTS_LITTLE)


@pytest.mark.parametrize(
    "order",
    [pytest.param(name, marks=[] if name == HARDEST else pytest.mark.slow) for name in ORDERS],
)
def test_the_auto_classes_know_the_families_whatever_was_imported_first(order: str) -> None:
    run_alone(KNOWN.replace("FIRST", ORDERS[order]))


def test_the_table_names_what_the_packages_export() -> None:
    assert set(EXPORTS) == set(models.__all__)
    assert set(EXPORTS.values()) == MODEL_TYPES
    for model_type in MODEL_TYPES:
        exported = {name for name, owner in EXPORTS.items() if owner == model_type}
        assert exported == set(import_family(model_type).__all__)


@pytest.mark.parametrize("module", [hf_lmcourse, models])
def test_a_name_that_is_not_there_is_an_ordinary_attribute_error(module: object) -> None:
    with pytest.raises(AttributeError, match="has no attribute 'LSTMForCasualLM'"):
        module.LSTMForCasualLM  # type: ignore[attr-defined]  # noqa: B018
