"""Push a saved model to the Hub: check first, then upload exactly what is to be shared."""

from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import CommitInfo, CommitOperationAdd, HfApi, constants
from huggingface_hub.errors import RemoteEntryNotFoundError

from ..browser.model_page import model_page
from ..errors import LmcourseError
from ..hub.connection import bounded_requests, check_login, check_metadata
from ..hub.hub_errors import HubError, check_repository_name, explained
from ..models.saved_files import read_config
from .card_sections import card_for_repository
from .export_code import export_code
from .page_space import push_page, space_url
from .repository_files import shared_contents

_WAIT_SECONDS = 60.0
"""The Hub may think about a commit of large files for that long."""


@dataclass(frozen=True)
class PushedModel:
    """Where a model went.

    Attributes:
        commit: What the Hub says of the commit.
        files: What belongs to it, by path in the repository.
        page: Address of the Space with its page, if there is one.
    """

    commit: CommitInfo
    files: tuple[str, ...]
    page: str | None = None

    @property
    def url(self) -> str:
        """Of the repository, or of the pull request."""
        return str(self.commit.pr_url or self.commit.repo_url)


def push_folder(
    folder: str | Path,
    repository: str,
    *,
    private: bool = False,
    revision: str | None = None,
    create_pr: bool = False,
    with_code: bool = False,
    with_page: bool = False,
    commit_message: str = "Share the model with hf-lmcourse",
    token: str | None = None,
) -> PushedModel:
    """Share a run folder, or any folder that `save_pretrained` wrote.

    Weights, configs, tokenizer, card, result, samples and plots go up in one commit; files that
    are there already are not sent again. The folder is not changed.

    Args:
        folder: Of the saved model.
        repository: namespace/name; created if it does not exist.
        private: Make it a private one.
        revision: The branch; created if it does not exist. main by default.
        create_pr: Open a pull request instead of writing to the branch.
        with_code: Let the code of the model travel along, see `export_code`.
        with_page: Put the model's page into a static Space of the same name, see `push_page`.
        commit_message: Its first line.
        token: Instead of the one that is logged in.

    Raises:
        LmcourseError: No saved model there, or a page of a model that it does not take, or with a
            revision or a pull request, which a Space would not wait for.
        HubError: The cause, and what to do.
    """
    folder = Path(folder)
    check_repository_name(repository, needs_namespace=True)
    if with_page and (revision is not None or create_pr):
        raise LmcourseError("--page shows what is on main: leave out --revision and --create-pr")
    code = export_code(read_config(folder).get("model_type", "")) if with_code else None
    contents = shared_contents(folder, code)
    html = model_page([folder]) if with_page else None
    page = space_url(repository) if with_page else None
    attempt, api = f"push {folder} to {repository}", HfApi(token=token)
    try:
        check_login(attempt, repository, token)
        card = contents.get("README.md")
        if isinstance(card, Path):
            check_metadata(card.read_text(encoding="utf-8"), attempt, repository, token)
        with explained(attempt, repository, revision=revision), bounded_requests(_WAIT_SECONDS):
            _prepare(api, repository, private, None if create_pr else revision)
            if html is not None:
                push_page(api, html, repository, private)
            if isinstance(card, Path):
                contents["README.md"] = _card(api, card, repository, revision, with_code, page)
            commit = api.create_commit(
                repository,
                [
                    CommitOperationAdd(
                        name, content if isinstance(content, bytes) else str(content)
                    )
                    for name, content in contents.items()
                ],
                commit_message=commit_message,
                revision=revision,
                create_pr=create_pr,
            )
    except HubError as error:
        raise HubError(
            f"{error}. Nothing in {folder} has changed: push it again when that is resolved"
        ) from error
    return PushedModel(commit, tuple(sorted(contents)), page)


def _prepare(api: HfApi, repository: str, private: bool, branch: str | None) -> None:
    """Create the repository and the branch if they do not exist."""
    api.create_repo(repository, private=private or None, exist_ok=True)
    if private and not api.repo_info(repository).private:
        raise HubError(
            f"{repository} exists already and is public; make it private at "
            f"{constants.ENDPOINT}/{repository}/settings, or choose another name"
        )
    if branch is not None and not branch.startswith("refs/"):
        api.create_branch(repository, branch=branch, exist_ok=True)


def _card(
    api: HfApi,
    card: Path,
    repository: str,
    revision: str | None,
    with_code: bool,
    page: str | None,
) -> bytes:
    """Make the card say how to load the model from the repository, and keep its notes."""
    try:
        there = Path(api.hf_hub_download(repository, "README.md", revision=revision))
        old = there.read_text(encoding="utf-8")
    except RemoteEntryNotFoundError:
        old = ""
    text = card.read_text(encoding="utf-8")
    return card_for_repository(text, repository, old, with_code, page).encode()
