"""Tiny runs, trained once for all tests of the command line."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from hf_lmcourse.cache_folder import make_cache_folder

from .commands import FinishedRun, train_tiny

TRANSFORMER = [
    ("lmcourse_lstm", "lmcourse_transformer\n  max_position_embeddings: 16"),
    ("hidden_size: 8", "hidden_size: 8\n  num_hidden_layers: 1\n  num_attention_heads: 2"),
]


@pytest.fixture(scope="package", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep tokenized text among the temporary files, next to the kernels compiled so far."""
    folder = tmp_path_factory.mktemp("cache")
    for library in make_cache_folder().glob("*.so"):
        (folder / library.name).symlink_to(library)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LMCOURSE_CACHE", str(folder))
        yield


@pytest.fixture(scope="package")
def finished(tmp_path_factory: pytest.TempPathFactory, cache: None) -> FinishedRun:
    """A finished run with absolute paths everywhere; not to be changed."""
    return train_tiny(tmp_path_factory.mktemp("finished"), results=True)


@pytest.fixture(scope="package")
def transformer(tmp_path_factory: pytest.TempPathFactory, cache: None) -> FinishedRun:
    """A finished run of a tiny Transformer; not to be changed."""
    return train_tiny(tmp_path_factory.mktemp("transformer"), TRANSFORMER)


@pytest.fixture
def run_copy(finished: FinishedRun, tmp_path: Path) -> Path:
    """A copy of its folder, to be damaged."""
    return Path(shutil.copytree(finished.folder, tmp_path / "copy"))
