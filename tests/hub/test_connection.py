"""Every request of the clients has a limit, and what was changed for that is put back."""

import datasets.config
import pytest
from huggingface_hub import constants
from huggingface_hub.utils import get_session, httpx, set_client_factory

from hf_lmcourse.hub.connection import bounded_requests, no_requests

NO_LIMIT = {"connect": None, "read": None, "write": None, "pool": None}


def prepared(timeout: dict[str, float | None]) -> dict[str, float]:
    """The limits of a request after everything the session does to it."""
    request = httpx.Request("GET", "http://127.0.0.1:9", extensions={"timeout": dict(timeout)})
    for hook in get_session().event_hooks["request"]:
        hook(request)
    return request.extensions["timeout"]


@pytest.fixture(autouse=True)
def online(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)


def test_requests_without_a_limit_get_one_and_shorter_ones_stay() -> None:
    with bounded_requests(7.0):
        assert prepared(NO_LIMIT) == dict.fromkeys(NO_LIMIT, 7.0)
        assert prepared({**NO_LIMIT, "read": 2.0, "write": 90.0})["read"] == 2.0
        assert prepared({**NO_LIMIT, "read": 2.0, "write": 90.0})["write"] == 7.0
    assert prepared(NO_LIMIT) == NO_LIMIT


def test_a_client_of_the_users_own_is_used_and_put_back() -> None:
    from huggingface_hub.utils import _http

    def own() -> httpx.Client:
        return httpx.Client(headers={"X-Proxy": "mine"})

    before = _http._GLOBAL_CLIENT_FACTORY
    set_client_factory(own)
    try:
        with pytest.raises(KeyError), bounded_requests(7.0):
            assert get_session().headers["X-Proxy"] == "mine"
            assert prepared(NO_LIMIT)["read"] == 7.0
            raise KeyError
        assert _http._GLOBAL_CLIENT_FACTORY is own
    finally:
        set_client_factory(before)


def test_no_requests_are_made_where_none_shall_be() -> None:
    before = datasets.config.HF_HUB_OFFLINE
    with no_requests():
        assert constants.HF_HUB_OFFLINE and datasets.config.HF_HUB_OFFLINE
        with pytest.raises(ConnectionError):
            prepared(NO_LIMIT)
    assert not constants.HF_HUB_OFFLINE and datasets.config.HF_HUB_OFFLINE == before
