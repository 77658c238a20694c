"""`lmcourse push`: share a run folder on the Hugging Face Hub."""

import argparse

from ..sharing.push import push_folder


def run(arguments: list[str]) -> int:
    """Push a run folder, and print its address."""
    options = _parser().parse_args(arguments)
    pushed = push_folder(
        options.folder,
        options.repository,
        private=options.private,
        revision=options.revision,
        create_pr=options.create_pr,
        with_code=options.with_code,
        with_page=options.page,
    )
    if pushed.page is not None:
        print(f"{pushed.page} shows the model in a browser")
    print(f"{pushed.url} holds {options.folder}: {', '.join(pushed.files)}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("lmcourse push", description=__doc__)
    add = parser.add_argument
    add("folder", help="Run folder, or any saved model.")
    add(
        "repository", help="Repository on the Hub, as namespace/name; created if it does not exist."
    )
    add("--private", action="store_true", help="Create a private repository.")
    add("--revision", help="Branch to push to, created if it does not exist (main).")
    add(
        "--create-pr",
        "--create_pr",
        action="store_true",
        help="Propose the files as a pull request.",
    )
    add(
        "--with-code",
        "--with_code",
        action="store_true",
        help="Include the model's code, for users who have transformers but not this package.",
    )
    add(
        "--page",
        action="store_true",
        help="Show the model in a static Space of the same name, as `lmcourse explain` does.",
    )
    return parser
