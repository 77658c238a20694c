"""A wheel has all that the package reads, and works outside the checkout."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
READ_AT_RUN_TIME = (".cpp", ".h", ".jinja", ".typed")
"""Files that are no modules, by the end of their names."""


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked wheel of a copy of what git tracks, so that nothing is left in the checkout."""
    pytest.importorskip("build")
    folder = tmp_path_factory.mktemp("wheel")
    listed = subprocess.run(
        ["git", "-C", REPOSITORY, "ls-files", "-z"], check=True, capture_output=True, text=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        target = folder / "source" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(REPOSITORY / name, target, follow_symlinks=False)
    words = [sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, folder / "source"]
    built = subprocess.run(words, capture_output=True, text=True)  # the wheel from the sdist
    assert built.returncode == 0, built.stdout + built.stderr
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "unpacked")
    return folder / "unpacked"


@pytest.mark.slow
def test_a_wheel_has_every_file_that_the_package_reads(unpacked: Path) -> None:
    package = REPOSITORY / "hf_lmcourse"
    wanted = {path for path in package.rglob("*") if path.suffix in READ_AT_RUN_TIME}
    wanted |= {*package.rglob("*.py"), *package.glob("metrics/*/README.md")}
    wanted |= {*package.glob("assignments/templates/*/*.yaml")}
    found = {path.relative_to(unpacked) for path in unpacked.rglob("*")}
    assert {path.relative_to(REPOSITORY) for path in wanted} - found == set()
    configs = {path.relative_to(REPOSITORY) for path in (REPOSITORY / "configs").rglob("*.yaml")}
    assert {Path("hf_lmcourse", "runs", path) for path in configs} <= found
    assert not [path for path in found if path.name.startswith("benchmark_")]


@pytest.mark.slow
def test_an_unpacked_wheel_lists_and_reads_its_recipes(unpacked: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(unpacked)}
    program = (
        "import hf_lmcourse; from hf_lmcourse.cli.main import main; "
        "from hf_lmcourse.runs.settings import read_settings; main(['recipes']); "
        "print(hf_lmcourse.__file__, read_settings(['lstm_tiny_shakespeare']).config_file)"
    )
    words = [sys.executable, "-c", program]
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "bits per character 2.117" in done.stdout and "dan_depth" in done.stdout
    last = done.stdout.splitlines()[-1]
    assert last == f"{unpacked}/hf_lmcourse/__init__.py configs/lstm_tiny_shakespeare.yaml"
