"""Models and data sets from the Hub: from the network in bounded time, or from the cache."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from huggingface_hub import snapshot_download

from .connection import ask, bounded_requests, no_requests
from .hub_errors import HubError, check_repository_name, hub_error, is_unreachable

MODEL_FILES = ["*.json", "*.safetensors", "*.txt", "*.model", "*.jinja"]
"""The files of models and tokenizers. No code is downloaded, and no pickle."""

_WAIT_SECONDS = 10.0

Fetched = TypeVar("Fetched")


def fetch_model(repository: str, revision: str | None = None) -> Path:
    """Download a model and its tokenizer, all files of the same commit.

    The Hub is asked first, in a few seconds. If it is not reachable, the cache is used, with
    a warning.

    Args:
        repository: Id on the Hub.
        revision: Branch, tag or commit; main by default.

    Returns:
        The folder in the cache.

    Raises:
        HubError: The cause, and what to do.
    """
    check_repository_name(repository, needs_namespace=False)

    def fetch() -> Path:
        return Path(
            snapshot_download(
                repository,
                revision=revision,
                allow_patterns=MODEL_FILES,
                ignore_patterns=["*/*"],  # the files of a model are at the top
            )
        )

    return _fetch(
        fetch,
        f"api/models/{repository}/revision/{quote(revision or 'main', safe='')}",
        f"load {repository}" + (f" at {revision}" if revision else ""),
        "a local folder works too",
        repository,
        revision,
    )


def fetch_dataset(
    repository: str, config: str | None, attempt: str, remedy: str, **options: Any
) -> Any:
    """`datasets.load_dataset`, with the same first request and the same fallback.

    Args:
        repository: Id on the Hub.
        config: The configuration, if there are several.
        attempt: What it is for, to follow "cannot".
        remedy: What to do without the Hub.
        **options: For `datasets.load_dataset`.

    Raises:
        HubError: The cause, and what to do.
    """
    import datasets  # imported late: it is slow, and only the Hub needs it

    return _fetch(
        lambda: datasets.load_dataset(repository, config, **options),
        f"api/datasets/{repository}",
        attempt,
        remedy,
        repository,
    )


def fetch_dataset_builder(
    repository: str, config: str | None, attempt: str, remedy: str, **options: Any
) -> Any:
    """`datasets.load_dataset_builder`, which streams a data set, as `fetch_dataset` calls it."""
    import datasets  # imported late: it is slow, and only the Hub needs it

    return _fetch(
        lambda: datasets.load_dataset_builder(repository, config, **options),
        f"api/datasets/{repository}",
        attempt,
        remedy,
        repository,
    )


def _fetch(
    fetch: Callable[[], Fetched],
    question: str,
    attempt: str,
    remedy: str,
    repository: str,
    revision: str | None = None,
) -> Fetched:
    try:
        ask(question)
        with bounded_requests(_WAIT_SECONDS):
            return fetch()
    except Exception as error:  # the clients raise a dozen unrelated types
        reason = hub_error(error, attempt, repository, revision=revision)
        if not is_unreachable(error):
            raise HubError(f"{reason}; {remedy}") from error
    try:
        with no_requests():
            found = fetch()
    except Exception as error:
        raise HubError(f"{reason}. It is not in the cache; {remedy}") from error
    logging.getLogger(__name__).warning("%s. Using what is in the cache.", reason)
    return found
