"""The floors of the package: no import runs up, none runs in a circle, and a file has one name."""

import ast
from collections import Counter
from graphlib import TopologicalSorter
from pathlib import Path

import hf_lmcourse

PACKAGE = Path(hf_lmcourse.__file__).parent
FLOORS = (
    "errors",
    "cache_folder",
    "report",
    "hub",
    "kernels",
    "layers",
    "tokenization",
    "data",
    "metrics",
    "models",
    "evaluation",
    "training",
    "text_perplexity",
    "adaptation",
    "inspection",
    "theory",
    "checking",
    "export",
    "browser",
    "sharing",
    "runs",
    "grading",
    "studies",
    "assignments",
    "cli",
)
"""From the bottom to the top: a module imports from its own floor and from those before it."""


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def source_files() -> list[Path]:
    """The modules; what is copied or loaded by its path (templates, metrics) is left out."""
    files = sorted(PACKAGE.rglob("*.py"))
    return [path for path in files if "templates" not in path.parts]


def imports() -> dict[str, set[str]]:
    """What each module imports of the package, late imports included; the top package left out."""
    modules = {module_name(path) for path in source_files()}
    found: dict[str, set[str]] = {}
    for path in source_files():
        name = module_name(path)
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ImportFrom) or not node.level:
                continue
            above = (
                package.split(".")[: len(package.split(".")) - node.level + 1] if package else []
            )
            target = ".".join([*above, *([node.module] if node.module else [])])
            named = {f"{target}.{alias.name}".strip(".") for alias in node.names}
            found.setdefault(name, set()).update((named & modules) or {target})
    return {
        name: {target for target in targets if target} for name, targets in found.items() if name
    }


def test_no_import_runs_up() -> None:
    floor = {name: number for number, name in enumerate(FLOORS)}
    up = [
        f"{name} imports {target}"
        for name, targets in imports().items()
        for target in sorted(targets)
        if floor[target.split(".")[0]] > floor[name.split(".")[0]]
    ]
    assert up == []


def test_every_folder_is_a_floor() -> None:
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert folders | {"errors", "cache_folder"} == set(FLOORS)


def test_no_imports_run_in_a_circle() -> None:
    list(TopologicalSorter(imports()).static_order())  # raises CycleError, which names the circle


def test_a_module_is_called_like_no_other_on_its_side() -> None:
    """What a feature calls its parts (plots, table, page) is clear in its folder; the rest is not.

    Verbs are called like what they do; items of the theory and tasks of the checker are public
    names.
    """
    parts = {"__init__", "plots", "table", "page", "study", "errors"}
    public = {"cli", "theory", "checking", "metrics"}
    names = Counter(
        path.stem
        for path in source_files()
        if path.stem not in parts and path.relative_to(PACKAGE).parts[0] not in public
    )
    assert [name for name, count in names.items() if count > 1] == []


def test_a_layer_has_no_backward_pass_and_begins_with_its_equation() -> None:
    for name in ("elman", "lstm", "gru", "attention", "ngram", "bigram", "averaging"):
        text = (PACKAGE / "layers" / f"{name}.py").read_text(encoding="utf-8")
        tree = ast.parse(text)
        assert "\n    " in (ast.get_docstring(tree) or ""), f"{name} has no equation at its top"
        bases = {ast.unparse(b) for n in tree.body if isinstance(n, ast.ClassDef) for b in n.bases}
        assert not any(base.endswith("Function") for base in bases)
        kinds = [type(n) for n in tree.body if isinstance(n, ast.ClassDef | ast.FunctionDef)]
        assert kinds[0] is ast.FunctionDef, f"{name} has a module before its step"
