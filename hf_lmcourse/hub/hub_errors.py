"""Errors of the Hub by their cause: what was tried, where, why, what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

from huggingface_hub import constants, get_token
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import httpx, validate_repo_id

from ..errors import LmcourseError

HUB_ERRORS = (httpx.HTTPError, OSError, ValueError)
"""Whatever the Hub's client raises: connection errors are neither OSError nor errors of its own."""


class HubError(LmcourseError):
    """The Hub could not be asked, or refused; the message says why and what to do.

    It may be longer than others, since it quotes the answer of the Hub.
    """

    longest = 600


def hub_error(
    error: Exception, attempt: str, repository: str, *, revision: str | None = None
) -> HubError:
    """An error for the user, from whatever the Hub's client raised.

    Args:
        error: What was raised.
        attempt: What was tried, to follow "cannot".
        repository: Its id.
        revision: The branch, tag or commit that was asked for.
    """
    return HubError(f"cannot {attempt}: {_cause(error, repository, revision)}")


@contextmanager
def explained(attempt: str, repository: str, *, revision: str | None = None) -> Iterator[None]:
    """Turn whatever the Hub's client raises in here into `hub_error`; see there for the arguments.

    Raises:
        HubError: The cause, and what to do.
    """
    try:
        yield
    except HUB_ERRORS as error:
        if isinstance(error, LmcourseError):
            raise
        raise hub_error(error, attempt, repository, revision=revision) from error


def is_unreachable(error: Exception) -> bool:
    """Whether there was no answer, or one that says that the Hub itself is broken."""
    first = _known(error)
    if isinstance(first, HfHubHTTPError):
        return first.response is not None and first.response.status_code >= 500
    return isinstance(first, httpx.HTTPError | OfflineModeIsEnabled)


def check_repository_name(name: str, *, needs_namespace: bool) -> None:
    """Refuse what cannot be the name of a repository.

    Args:
        name: namespace/name; a few old models of the Hub have no namespace.
        needs_namespace: It must have one, as a repository to write to has.

    Raises:
        HubError: It is not of that form, or not in the Hub's letters.
    """
    try:
        validate_repo_id(name)
    except HFValidationError as error:
        raise HubError(f"{name!r} cannot be the name of a repository: {error}") from error
    if needs_namespace and "/" not in name:
        raise HubError(
            f"{name!r} is not the whole name of a repository: write namespace/name, the namespace "
            "being your user name on the Hub or an organization's"
        )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _known(error: Exception) -> BaseException:
    """The first error of the chain that says something: the client wraps what it met."""
    informative = (httpx.HTTPError, OfflineModeIsEnabled, HFValidationError)
    return next((found for found in _chain(error) if isinstance(found, informative)), error)


def _cause(error: Exception, repository: str, revision: str | None) -> str:
    first, endpoint = _known(error), constants.ENDPOINT
    if isinstance(first, OfflineModeIsEnabled):
        return "HF_HUB_OFFLINE is set, so nothing is asked of the Hub; unset it to use the network"
    if isinstance(first, HfHubHTTPError):
        return _answer(first, repository, revision)
    if isinstance(first, httpx.TimeoutException):
        return f"{endpoint} does not answer; try again later, or check HF_ENDPOINT"
    if isinstance(first, httpx.HTTPError):
        reason = str(first) or type(first).__name__
        return f"{endpoint} cannot be reached ({reason}); check the network, or HF_ENDPOINT"
    return (str(error).splitlines() or [type(error).__name__])[0]


def _answer(error: HfHubHTTPError, repository: str, revision: str | None) -> str:
    """Why the Hub said no."""
    endpoint, token = constants.ENDPOINT, get_token()
    page = f"{endpoint}/{repository}"
    status = 0 if error.response is None else error.response.status_code
    if isinstance(error, GatedRepoError):
        login = "" if token else " and log in with `hf auth login` or HF_TOKEN"
        return f"{repository} is gated; ask for access at {page}{login}"
    if isinstance(error, RepositoryNotFoundError):
        hidden = "hidden from your access token; check the name"
        if token is None:
            hidden = "private; check the name, or log in with `hf auth login` or HF_TOKEN"
        return f"{endpoint} has no repository {repository}, or it is {hidden}"
    if isinstance(error, RevisionNotFoundError):
        return f"{repository} has no revision {revision or 'main'}; see {page}/tree/main"
    if isinstance(error, EntryNotFoundError):
        return f"{repository} lacks a file that is needed: {_sentence(error)}"
    if status == 401 and token is None:
        return "there is no access token; run `hf auth login`, or set HF_TOKEN to a token"
    if status == 401:
        return (
            f"{endpoint} does not accept your access token; take a new one from "
            f"{endpoint}/settings/tokens, for `hf auth login` or HF_TOKEN"
        )
    if status == 403:
        return (
            f"your access token has no right to do this in {repository} ({_sentence(error)}); "
            f"take one that may write from {endpoint}/settings/tokens, or another namespace"
        )
    if status >= 500 or status == 429:
        return f"{endpoint} answers {status}; try again later"
    return f"{endpoint} answers {status}: {_sentence(error)}"


def _sentence(error: HfHubHTTPError) -> str:
    said = error.server_message or str(error).splitlines()[0]
    return " ".join(said.split()).rstrip(".")
