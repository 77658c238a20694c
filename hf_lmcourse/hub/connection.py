"""Requests to the Hub that end: the client's own wait for ever, or retry for minutes."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from huggingface_hub import constants
from huggingface_hub.utils import (
    _http,
    build_hf_headers,
    get_session,
    hf_raise_for_status,
    httpx,
    set_client_factory,
)

from .errors import HUB_ERRORS, HubError, hub_error

__all__ = ["ask", "bounded_requests", "check_login"]

PROBE_SECONDS = 4.0
"""To connect, and again to answer. The client may add 3 s of its own before the first request."""


def ask(path: str) -> Any:
    """One short request, to see whether the Hub is there and lets us in.

    Args:
        path: below the endpoint, such as "api/whoami-v2".

    Returns:
        The JSON of the answer.

    Raises:
        httpx.HTTPError, OSError, ValueError: as the Hub's client does.
    """
    url = f"{constants.ENDPOINT}/{path}"
    response = get_session().get(url, headers=build_hf_headers(), timeout=PROBE_SECONDS)
    hf_raise_for_status(response)
    return response.json()


def check_login(attempt: str, repository: str) -> None:
    """See that the Hub is there and knows us, before anything long is begun.

    Args:
        attempt: what is to be done, to follow "cannot".
        repository: its id.

    Raises:
        HubError: offline, not reachable, silent; no token, a wrong one, or one that only reads.
    """
    try:
        account = ask("api/whoami-v2")
        role = account.get("auth", {}).get("accessToken", {}).get("role")
    except HUB_ERRORS as error:
        raise hub_error(error, attempt, repository) from error
    if role == "read":
        raise HubError(
            f"cannot {attempt}: your access token only reads; take one that may write from "
            f"{constants.ENDPOINT}/settings/tokens, for `hf auth login` or HF_TOKEN"
        )


@contextmanager
def bounded_requests(seconds: float) -> Iterator[None]:
    """Give every request of the Hub's client a limit to each wait, for as long as this lasts.

    Args:
        seconds: longest wait for a connection, for the next bytes, or to send the next.
    """
    before = _http._GLOBAL_CLIENT_FACTORY  # the client offers no other way to ask for it

    def limit(request: Any) -> None:
        # Filled in here because many calls pass timeout=None, which overrules the client's own.
        waits = request.extensions.get("timeout", {})
        names = ("connect", "read", "write", "pool")
        limited = {name: min(waits.get(name) or seconds, seconds) for name in names}
        request.extensions["timeout"] = limited

    def factory() -> httpx.Client:
        client = before()
        hooks = client.event_hooks
        client.event_hooks = {**hooks, "request": [*hooks["request"], limit]}
        return client

    set_client_factory(factory)
    try:
        yield
    finally:
        set_client_factory(before)
