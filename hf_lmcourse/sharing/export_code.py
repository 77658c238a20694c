"""The code of one family as self-contained flat files, generated from the package's own.

transformers runs code from a repository with `trust_remote_code=True`, where it follows relative
imports inside one flat folder. So every module that a family needs is taken as it is, and only its
relative imports are rewritten: `from ...layers.lstm import LSTMLayer` becomes
`from .lstm import LSTMLayer`. C++ is not included: what the package compiles runs in
torch there, equal up to rounding, and to the package with `LMCOURSE_KERNELS=0` bit for bit.
"""

import ast
import importlib
import importlib.util
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import (
    CONFIG_MAPPING,
    MODEL_FOR_CAUSAL_LM_MAPPING,
    MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING,
    MODEL_MAPPING,
)

from ..errors import LmcourseError
from ..models.families import is_classifier, known_model_types

_PACKAGE = __name__.partition(".")[0]
_IMPORT = re.compile(r"from\s+[\w.]+\s+import")


@dataclass(frozen=True)
class ExportedCode:
    """The code that is uploaded with the weights.

    Attributes:
        files: Source by file name.
        auto_map: For config.json: which class of which file each Auto class is to take.
    """

    files: dict[str, str]
    auto_map: dict[str, str]


def export_code(model_type: str) -> ExportedCode:
    """Generate the files of a family.

    Raises:
        LmcourseError: The model type is not one of this package.
    """
    if model_type not in known_model_types():
        raise LmcourseError(
            f"there is no code to share for the model type {model_type!r}: the types of this "
            f"package are {', '.join(sorted(known_model_types()))}"
        )
    config: Any = CONFIG_MAPPING[model_type]
    classes = {"AutoConfig": config, "AutoModel": MODEL_MAPPING[config]}
    if is_classifier(model_type):
        classifier = MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING[config]
        classes["AutoModelForSequenceClassification"] = classifier
    else:
        classes["AutoModelForCausalLM"] = MODEL_FOR_CAUSAL_LM_MAPPING[config]
    return ExportedCode(
        files=flat_modules({found.__module__ for found in classes.values()}),
        auto_map={
            auto: f"{_flat_name(found.__module__)}.{found.__name__}"
            for auto, found in classes.items()
        },
    )


def flat_modules(names: set[str]) -> dict[str, str]:
    """The source of modules, and of all that they import of their package, as one flat folder.

    Args:
        names: Full names of modules.

    Returns:
        Source by file name, in which relative imports name files of the same folder.

    Raises:
        LmcourseError: Two modules have the same name, or an import cannot be made flat.
    """
    sources: dict[str, str] = {}
    waiting, seen = sorted(names), set(names)
    while waiting:
        name = waiting.pop()
        source, imported = _flattened(name)
        file = f"{_flat_name(name)}.py"
        if file in sources:
            raise LmcourseError(f"two modules would be {file} in a flat folder; rename one of them")
        sources[file] = source
        waiting += sorted(imported - seen)
        seen |= imported
    return dict(sorted(sources.items()))


def _flattened(name: str) -> tuple[str, set[str]]:
    """The source of a module with flat imports, and the full names of what it imports."""
    importlib.import_module(name)
    module = sys.modules[name]
    source = Path(str(module.__file__)).read_text(encoding="utf-8")
    package = name.partition(".")[0]
    lines, imported = source.splitlines(keepends=True), set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            _refuse_absolute(name, package, [alias.name for alias in node.names])
        if not isinstance(node, ast.ImportFrom):
            continue
        if not node.level:
            _refuse_absolute(name, package, [node.module or ""])
            if (node.module or "").partition(".")[0] != _PACKAGE:
                continue
        target = importlib.util.resolve_name(
            "." * node.level + (node.module or ""), str(module.__package__)
        )
        spec = importlib.util.find_spec(target)
        if node.module is None or spec is None or spec.submodule_search_locations is not None:
            raise LmcourseError(f"{name} imports from the package {target}: name the module itself")
        line = lines[node.lineno - 1]
        lines[node.lineno - 1] = _IMPORT.sub(f"from .{_flat_name(target)} import", line, count=1)
        imported.add(target)
    where = name.replace(".", "/")
    head = f"# Generated from {where}.py of {package} by hf-lmcourse {_version()}.\n"
    if package == _PACKAGE:
        head = f"# Generated from {where}.py of hf-lmcourse {_version()}; licence Apache-2.0.\n"
    return head + "".join(lines), imported


def _refuse_absolute(name: str, package: str, targets: list[str]) -> None:
    for target in targets:
        if target.partition(".")[0] == package:
            raise LmcourseError(f"{name} imports {target} by its full name: make that relative")


def _flat_name(module: str) -> str:
    return module.rpartition(".")[2]


def _version() -> str:
    return str(sys.modules[_PACKAGE].__version__)
