"""The page of a model as a static Space of the Hub, which is free and has no server."""

from huggingface_hub import CommitOperationAdd, HfApi, constants

_README = """\
---
title: {title}
sdk: static
models:
- {repository}
---

[{repository}]({endpoint}/{repository}) at work in the browser: one page, written by
`lmcourse explain` of hf-lmcourse.
"""


def space_url(repository: str) -> str:
    """The address of the Space of a model, which has the model's name."""
    return f"{constants.ENDPOINT}/spaces/{repository}"


def push_page(api: HfApi, html: str, repository: str, private: bool) -> None:
    """Make the page of a model the index.html of its Space, which is created if it does not exist.

    Args:
        api: The connection.
        html: The page.
        repository: namespace/name of the model.
        private: Create a private Space.
    """
    readme = _README.format(
        title=repository.partition("/")[2], repository=repository, endpoint=constants.ENDPOINT
    )
    api.create_repo(
        repository, repo_type="space", space_sdk="static", private=private or None, exist_ok=True
    )
    api.create_commit(
        repository,
        [
            CommitOperationAdd("index.html", html.encode()),
            CommitOperationAdd("README.md", readme.encode()),
        ],
        commit_message="Show the model with hf-lmcourse",
        repo_type="space",
    )
