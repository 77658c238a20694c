"""What the tests of sharing share: one Hub, and what three processes did with it."""

import io
from collections.abc import Iterator
from typing import Any

import pandas
import pytest

from .children import CHILD, WRITE, environment, loopback_hub, python
from .server import HubServer

Report = dict[str, Any]
SPLITS = ("train", "validation", "test")


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubServer]:
    """A Hub on the loopback."""
    with loopback_hub() as server:
        yield server


@pytest.fixture(scope="package")
def shared(server: HubServer, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """What a process reports that pushed a tiny model of every family, data and a metric."""
    home = tmp_path_factory.mktemp("sharing")
    report = python(CHILD / "share.py", env=environment(server.url, home, WRITE)).value
    table = io.BytesIO()
    pandas.DataFrame({"text": ["To be,\nor not\n"]}).to_parquet(table)
    parts = {f"default/{name}/0000.parquet": table.getvalue() for name in SPLITS}
    # the Hub's own copy of a data set that is made by a script, as tables on a branch of its own
    made = server.hub.create("datasets", "karpathy/tiny_shakespeare")
    made.record("refs/convert/parquet", parts)
    return report


@pytest.fixture(scope="package")
def loaded(server: HubServer, shared: Report, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """What another process reports that loaded all that by its ids, without a token."""
    home = tmp_path_factory.mktemp("loading")
    return python(CHILD / "load.py", env=environment(server.url, home)).value


@pytest.fixture(scope="package")
def bare(server: HubServer, shared: Report, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """What a third process reports, where hf_lmcourse cannot be imported."""
    home = tmp_path_factory.mktemp("bare")
    env = environment(server.url, home, TEST_WITHOUT_PACKAGE="1")
    return python(CHILD / "load_without_package.py", env=env).value
