"""The families by name, and how transformers learns of them before one of them is imported.

To import a family is to import torch and most of transformers, which takes seconds. So
`import hf_lmcourse` imports none: it leaves word that the Auto classes, whenever they come, shall
import a family when somebody first asks for its model type. The family then registers itself.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import spec_from_file_location
from types import ModuleType
from typing import Any

_CAUSAL_LM = {
    "bigram_mlp": "BigramMLP",
    "char_rnn": "CharRNN",
    "gru": "GRU",
    "lstm": "LSTM",
    "ngram_fnn": "NGramFNN",
    "transformer": "Transformer",
}
_CLASSIFIER = {"dan": "DAN"}

MODEL_TYPES = frozenset(f"lmcourse_{folder}" for folder in _CAUSAL_LM | _CLASSIFIER)
"""The model types of the package."""

_classifiers = {f"lmcourse_{folder}" for folder in _CLASSIFIER}
_causal_lms = {f"lmcourse_{folder}" for folder in _CAUSAL_LM}
"""All that is known, families that others have registered included."""

EXPORTS = {
    prefix + part: f"lmcourse_{folder}"
    for families, head in (
        (_CAUSAL_LM, "ForCausalLM"),
        (_CLASSIFIER, "ForSequenceClassification"),
    )
    for folder, prefix in families.items()
    for part in ("Config", "Model", head)
}
"""The model type that each public class belongs to, by the name of the class."""

_AUTO_CONFIG = "transformers.models.auto.configuration_auto"


def note_family(model_type: str, classifier: bool) -> None:
    """Add a family, which may be another package's, to those that are known."""
    (_classifiers if classifier else _causal_lms).add(model_type)


def known_model_types() -> frozenset[str]:
    """The model types of the package, and of families that were registered on top of it."""
    return frozenset(_classifiers | _causal_lms)


def is_classifier(model_type: str | None) -> bool:
    """Whether a model type classifies texts; the others are causal language models."""
    return model_type in _classifiers


def import_family(model_type: str) -> ModuleType:
    """The package of a family; importing it registers the family with the Auto classes."""
    return import_module(f"{__package__}.{model_type.removeprefix('lmcourse_')}")


def announce_families() -> None:
    """Make `AutoConfig` know every model type, now or when it is imported.

    Nothing else is needed: who has a config of a family has imported the family.
    """
    if _AUTO_CONFIG in sys.modules:
        _announce(sys.modules[_AUTO_CONFIG])
    else:
        sys.meta_path.insert(0, _AutoConfigFinder())


def _announce(auto_config: Any) -> None:
    known = auto_config.CONFIG_MAPPING
    known._extra_content = _FamilyConfigs(known._extra_content)


class _FamilyConfigs(dict[str, Any]):
    """What `AutoConfig.register` fills: config classes by model type, ours when first read."""

    def __init__(self, registered: dict[str, Any]) -> None:
        super().__init__({**dict.fromkeys(sorted(MODEL_TYPES)), **registered})

    def __getitem__(self, model_type: str) -> Any:
        if super().__getitem__(model_type) is None:
            import_family(model_type)
        return super().__getitem__(model_type)

    def values(self) -> Any:
        return [self[model_type] for model_type in self]

    def items(self) -> Any:
        return [(model_type, self[model_type]) for model_type in self]


class _AutoConfigFinder(MetaPathFinder):
    """Finds one module, that of `AutoConfig`, and has something done right after it has run."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        found = PathFinder.find_spec(name, path, target) if name == _AUTO_CONFIG else None
        if found is None or found.origin is None:
            return None
        loader = _AutoConfigLoader(name, found.origin)
        return spec_from_file_location(name, found.origin, loader=loader)


class _AutoConfigLoader(SourceFileLoader):
    def exec_module(self, module: ModuleType) -> None:
        super().exec_module(module)
        _announce(module)
