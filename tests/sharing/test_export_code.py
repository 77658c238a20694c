"""The exporter: the package's own files, flat, complete, and refusing what it cannot flatten."""

import ast
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hf_lmcourse.errors import LmcourseError
from hf_lmcourse.models.families import MODEL_TYPES
from hf_lmcourse.sharing.export_code import export_code, flat_modules

every_type = pytest.mark.parametrize("model_type", sorted(MODEL_TYPES))


def relative_imports(source: str) -> set[str]:
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)]
    assert all(node.level <= 1 for node in nodes)
    return {str(node.module) for node in nodes if node.level == 1}


@every_type
def test_every_import_is_of_a_file_that_goes_along_and_every_file_is_needed(
    model_type: str,
) -> None:
    code = export_code(model_type)
    needed = {place.partition(".")[0] for place in code.auto_map.values()}
    for source in code.files.values():
        needed |= relative_imports(source)
    assert {f"{name}.py" for name in needed} == set(code.files)


@every_type
def test_the_files_are_the_packages_own_but_for_their_imports(model_type: str) -> None:
    package = Path(importlib.import_module("hf_lmcourse").__path__[0])
    for file, source in export_code(model_type).files.items():
        head, body = source.split("\n", 1)
        own = (package.parent / head.split()[3]).read_text(encoding="utf-8")
        assert Path(head.split()[3]).name == file
        changed = [
            (ours, theirs)
            for ours, theirs in zip(own.splitlines(), body.splitlines(), strict=True)
            if ours != theirs
        ]
        assert all(ours.startswith("from ..") for ours, _ in changed)


@every_type
def test_each_auto_class_is_named(model_type: str) -> None:
    head = "SequenceClassification" if model_type == "lmcourse_dan" else "CausalLM"
    assert set(export_code(model_type).auto_map) == {
        "AutoConfig",
        "AutoModel",
        f"AutoModelFor{head}",
    }


def test_a_type_of_other_people_is_refused() -> None:
    with pytest.raises(LmcourseError, match="no code to share for the model type 'gpt2'"):
        export_code("gpt2")


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package with a module `far.deep.model` that imports `near`."""
    root = tmp_path / "exported"
    (root / "far" / "deep").mkdir(parents=True)
    for folder in (root, root / "far", root / "far" / "deep"):
        (folder / "__init__.py").write_text("")
    (root / "near.py").write_text("VALUE = 1\n")
    (root / "far" / "deep" / "model.py").write_text(
        '"""from ...near import docs"""\n\ndef late():\n    from ...near import VALUE\n'
        "    return VALUE\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield root
    for name in [name for name in sys.modules if name.partition(".")[0] == "exported"]:
        del sys.modules[name]


def test_late_imports_are_followed_and_texts_are_left_alone(package: Path) -> None:
    files = flat_modules({"exported.far.deep.model"})
    assert set(files) == {"model.py", "near.py"}
    assert '"""from ...near import docs"""' in files["model.py"]
    assert "    from .near import VALUE\n" in files["model.py"]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("from exported.near import VALUE", "by its full name"),
        ("import exported.near", "by its full name"),
        ("from ... import near", "name the module itself"),
        ("from ...far import deep", "name the module itself"),
    ],
)
def test_an_import_that_cannot_be_flat_is_refused(package: Path, line: str, told: str) -> None:
    (package / "far" / "deep" / "model.py").write_text(f"{line}\n")
    with pytest.raises(LmcourseError, match=told):
        flat_modules({"exported.far.deep.model"})


def test_two_modules_of_one_name_are_refused(package: Path) -> None:
    (package / "far" / "near.py").write_text("from ..near import VALUE\n")
    with pytest.raises(LmcourseError, match="two modules would be near.py"):
        flat_modules({"exported.far.near"})
