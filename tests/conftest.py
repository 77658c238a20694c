"""What all tests share: the folder of real corpora, and the skip where there is none."""

import os
from pathlib import Path

import pytest

_NO_DATA = "LMCOURSE_DATA names no folder of corpora"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not os.environ.get("LMCOURSE_DATA"):
        for item in items:
            if item.get_closest_marker("real_data"):
                item.add_marker(pytest.mark.skip(reason=_NO_DATA))


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real corpora, from the environment."""
    folder = os.environ.get("LMCOURSE_DATA")
    if not folder:
        pytest.skip(_NO_DATA)
    return Path(folder)
