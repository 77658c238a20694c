"""A model from the Hub as a local folder: one commit, from the network or from the cache."""

import logging
from pathlib import Path
from urllib.parse import quote

from huggingface_hub import snapshot_download

from .connection import ask, bounded_requests
from .errors import HUB_ERRORS, HubError, check_repository_name, hub_error, is_unreachable

__all__ = ["fetch_model"]

MODEL_FILES = ["*.json", "*.safetensors", "*.txt", "*.model", "*.jinja"]
"""What models and tokenizers are made of. Code is not fetched, and nothing that is a pickle."""

_WAIT_SECONDS = 10.0


def fetch_model(repository: str, revision: str | None = None) -> Path:
    """Bring a model and its tokenizer here, all files of the same commit.

    The Hub is asked first, in a few seconds. Where it is not there, what an earlier call left in
    the cache is taken, and a warning says so.

    Args:
        repository: id on the Hub.
        revision: branch, tag or commit; main by default.

    Returns:
        The folder in the cache.

    Raises:
        HubError: the cause, and what to do.
    """
    check_repository_name(repository, needs_namespace=False)
    attempt = f"load {repository}" + (f" at {revision}" if revision else "")
    try:
        where = quote(revision or "main", safe="")
        ask(f"api/models/{repository}/revision/{where}")
        with bounded_requests(_WAIT_SECONDS):
            return _snapshot(repository, revision)
    except HUB_ERRORS as error:
        reason = hub_error(error, attempt, repository, revision=revision)
        if not is_unreachable(error):
            raise reason from error
    try:
        folder = _snapshot(repository, revision, local_files_only=True)
    except HUB_ERRORS as error:
        raise HubError(f"{reason}. It is not in the cache; a local folder works too") from error
    logging.getLogger(__name__).warning("%s. Using what is in the cache.", reason)
    return folder


def _snapshot(repository: str, revision: str | None, *, local_files_only: bool = False) -> Path:
    return Path(
        snapshot_download(
            repository,
            revision=revision,
            local_files_only=local_files_only,
            allow_patterns=MODEL_FILES,
            ignore_patterns=["*/*"],  # the files of a model lie at the top
        )
    )
