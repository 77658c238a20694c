"""What README.md says holds: its tables, its files, its code."""

import importlib.util
import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def test_the_tables_are_those_of_the_result_files(monkeypatch: pytest.MonkeyPatch) -> None:
    path = REPOSITORY / "scripts" / "results_table.py"
    spec = importlib.util.spec_from_file_location("results_table", path)
    assert spec is not None and spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    monkeypatch.chdir(REPOSITORY)
    assert script.main(["--check"]) == 0


def test_every_file_and_link_it_names_exists() -> None:
    names = re.findall(r"(?:configs|scripts)/[\w.]+\.(?:yaml|sh|py)", README)
    links = re.findall(r"\]\((?!http)([^)#]+)\)", README)
    assert names and links
    missing = [name for name in {*names, *links} if not (REPOSITORY / name).exists()]
    assert not missing


def test_the_library_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LMCOURSE_CACHE", str(tmp_path / "cache"))
    blocks = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    (example,) = [block for block in blocks if "StreamTrainer" in block]
    settings = 'max_steps=2, use_cpu=True, save_strategy="no", load_best_model_at_end=False'
    short = example.replace("num_train_epochs=1", settings)
    short = short.replace("hidden_size=256", "hidden_size=8")
    assert short.count("max_steps=2") == 1
    variables: dict[str, object] = {}
    exec(short.replace("print(", "result = ("), variables)  # our own text, from the repository
    assert isinstance(variables["result"], float) and 1 < variables["result"] < 1000
