"""Push a saved model to the Hub: ask first, then send exactly what is to be shared."""

from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import CommitOperationAdd, HfApi, constants, hf_hub_download
from huggingface_hub.errors import RemoteEntryNotFoundError

from ..errors import LmcourseError
from ..report.card_sections import card_for_repository
from .connection import bounded_requests, check_login
from .contents import model_config, shared_contents
from .errors import HUB_ERRORS, HubError, check_repository_name, hub_error
from .export_code import export_code

__all__ = ["PushedModel", "push_folder"]

_WAIT_SECONDS = 60.0
"""The Hub may think about a commit of large files for that long."""


@dataclass(frozen=True)
class PushedModel:
    """Where a model went.

    Attributes:
        url: of the repository, or of the pull request.
        commit: its id.
        files: what belongs to it, by path in the repository.
    """

    url: str
    commit: str
    files: tuple[str, ...]


def push_folder(
    folder: str | Path,
    repository: str,
    *,
    private: bool = False,
    revision: str | None = None,
    create_pr: bool = False,
    with_code: bool = False,
) -> PushedModel:
    """Share a run folder, or any folder that `save_pretrained` wrote.

    Weights, configs, tokenizer, card, result, samples and pictures go up in one commit; files that
    are there already are not sent again. The folder is not changed.

    Args:
        folder: of the saved model.
        repository: namespace/name; made where it does not exist.
        private: make it a private one.
        revision: the branch; made where it does not exist. main by default.
        create_pr: open a pull request instead of writing to the branch.
        with_code: let the code of the model travel along, see `export_code`.

    Raises:
        LmcourseError: no saved model there.
        HubError: the cause, and what to do.
    """
    folder = Path(folder)
    check_repository_name(repository, needs_namespace=True)
    code = export_code(model_config(folder).get("model_type", "")) if with_code else None
    contents = shared_contents(
        folder,
        auto_map=code.auto_map if code else None,
        code=code.files if code else None,
    )
    attempt = f"push {folder} to {repository}"
    later = f"Nothing in {folder} has changed: push it again when that is settled"
    try:
        check_login(attempt, repository)
        with bounded_requests(_WAIT_SECONDS):
            try:
                _prepare(repository, private, None if create_pr else revision)
                _write_card(contents, repository, revision, with_code)
                return _commit(contents, repository, revision, create_pr)
            except HUB_ERRORS as error:
                if isinstance(error, LmcourseError):
                    raise
                raise hub_error(error, attempt, repository, revision=revision) from error
    except HubError as error:
        raise HubError(f"{error}. {later}") from error


def _prepare(repository: str, private: bool, branch: str | None) -> None:
    """Make the repository and the branch where they do not exist."""
    api = HfApi()
    api.create_repo(repository, private=private or None, exist_ok=True)
    if private and not api.repo_info(repository).private:
        raise HubError(
            f"{repository} exists already and is public; make it private at "
            f"{constants.ENDPOINT}/{repository}/settings, or choose another name"
        )
    if branch is not None and not branch.startswith("refs/"):
        api.create_branch(repository, branch=branch, exist_ok=True)


def _write_card(
    contents: dict[str, Path | bytes], repository: str, revision: str | None, with_code: bool
) -> None:
    """Let the card say how to load the model from there, and keep what people wrote there."""
    local = contents.get("README.md")
    if not isinstance(local, Path):
        return
    try:
        remote = Path(hf_hub_download(repository, "README.md", revision=revision))
        there = remote.read_text(encoding="utf-8")
    except RemoteEntryNotFoundError:
        there = ""
    text = local.read_text(encoding="utf-8")
    contents["README.md"] = card_for_repository(text, repository, there, with_code).encode()


def _commit(
    contents: dict[str, Path | bytes], repository: str, revision: str | None, create_pr: bool
) -> PushedModel:
    operations = [
        CommitOperationAdd(name, content if isinstance(content, bytes) else str(content))
        for name, content in contents.items()
    ]
    done = HfApi().create_commit(
        repository,
        operations,
        commit_message="Share the model with hf-lmcourse",
        revision=revision,
        create_pr=create_pr,
    )
    url = done.pr_url or f"{constants.ENDPOINT}/{repository}"
    return PushedModel(url, str(done.oid), tuple(sorted(contents)))
