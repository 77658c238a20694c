"""A Hub for the tests of a module."""

from collections.abc import Iterator

import pytest

from .children import OTHER, READ, WRITE
from .repositories import Account
from .server import HubServer


@pytest.fixture(scope="package")
def server() -> Iterator[HubServer]:
    """A Hub on the loopback, where ada and bob have accounts."""
    server = HubServer()
    server.hub.accounts = {
        WRITE: Account("ada", organizations=("course",)),
        READ: Account("ada", role="read"),
        OTHER: Account("bob"),
    }
    yield server
    server.close()
