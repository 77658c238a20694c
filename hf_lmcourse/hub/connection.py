"""Requests to the Hub with a time limit: the client waits for ever, or retries for minutes."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from huggingface_hub import constants
from huggingface_hub.errors import BadRequestError
from huggingface_hub.utils import (
    _http,
    build_hf_headers,
    get_session,
    hf_raise_for_status,
    httpx,
    set_client_factory,
)

from .hub_errors import HubError, explained

PROBE_SECONDS = 4.0
"""To connect, and again to answer. The client may add 3 s of its own before the first request."""


def ask(path: str, *, token: str | None = None, send: Any = None) -> Any:
    """Send one short request.

    Args:
        path: Below the endpoint, such as "api/whoami-v2".
        token: Instead of the one that is logged in.
        send: JSON to post; without it the request is a GET.

    Returns:
        The JSON of the answer.

    Raises:
        httpx.HTTPError, OSError, ValueError: As the Hub's client does.
    """
    response = get_session().request(
        "GET" if send is None else "POST",
        f"{constants.ENDPOINT}/{path}",
        headers=build_hf_headers(token=token),
        json=send,
        timeout=PROBE_SECONDS,
    )
    hf_raise_for_status(response)
    return response.json()


def check_login(attempt: str, repository: str, token: str | None = None) -> None:
    """Check that the Hub is reachable and accepts our token, before anything long begins.

    Args:
        attempt: What is to be done, to follow "cannot".
        repository: Its id.
        token: Instead of the one that is logged in.

    Raises:
        HubError: Offline, not reachable, silent; no token, a wrong one, or one that only reads.
    """
    with explained(attempt, repository):
        account = ask("api/whoami-v2", token=token)
    if account.get("auth", {}).get("accessToken", {}).get("role") == "read":
        raise HubError(
            f"cannot {attempt}: your access token only reads; take one that may write from "
            f"{constants.ENDPOINT}/settings/tokens, for `hf auth login` or HF_TOKEN"
        )


def check_metadata(card: str, attempt: str, repository: str, token: str | None = None) -> None:
    """Let the Hub validate the metadata of a card, before there is a repository.

    Args:
        card: The text of README.md.
        attempt: What is to be done, to follow "cannot".
        repository: Its id.
        token: Instead of the one that is logged in.

    Raises:
        HubError: With the message of the Hub.
    """
    with explained(attempt, repository):
        try:
            ask("api/validate-yaml", token=token, send={"content": card, "repoType": "model"})
        except BadRequestError as error:
            found = error.response.json().get("errors", []) if error.response is not None else []
            sentences = "; ".join(str(one.get("message", one)) for one in found)
            raise HubError(
                f"cannot {attempt}: the Hub refuses the metadata at the top of README.md: "
                f"{sentences or error}"
            ) from error


@contextmanager
def bounded_requests(seconds: float) -> Iterator[None]:
    """Limit each wait of every request of the Hub's client.

    Args:
        seconds: Longest wait for a connection, for the next bytes, or to send the next.
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


@contextmanager
def no_requests() -> Iterator[None]:
    """Let the clients of the Hub read their caches only, as under HF_HUB_OFFLINE=1."""
    modules: list[Any] = [constants]
    if "datasets.config" in sys.modules:  # which has its own copy
        modules.append(sys.modules["datasets.config"])
    before = [module.HF_HUB_OFFLINE for module in modules]
    try:
        for module in modules:
            module.HF_HUB_OFFLINE = True
        yield
    finally:
        for module, value in zip(modules, before, strict=True):
            module.HF_HUB_OFFLINE = value
