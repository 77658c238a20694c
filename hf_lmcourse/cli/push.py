"""`lmcourse push`: share a run folder on the Hugging Face Hub."""

import argparse

from ..sharing.push import push_folder

__all__ = ["run"]


def run(arguments: list[str]) -> int:
    """Push a run folder, and say where it is.

    Args:
        arguments: see `lmcourse push --help`.

    Returns:
        The exit status.
    """
    options = _parser().parse_args(arguments)
    pushed = push_folder(
        options.folder,
        options.repository,
        private=options.private,
        revision=options.revision,
        create_pr=options.create_pr,
        with_code=options.with_code,
    )
    print(f"{pushed.url} holds {options.folder}: {', '.join(pushed.files)}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("lmcourse push", description=__doc__)
    parser.add_argument("folder", help="run folder, or any saved model")
    parser.add_argument("repository", help="namespace/name on the Hub; made where it is missing")
    parser.add_argument("--private", action="store_true", help="only for you to see")
    parser.add_argument("--revision", help="branch, made where it is missing (main)")
    parser.add_argument(
        "--create-pr", "--create_pr", action="store_true", help="propose it as a pull request"
    )
    parser.add_argument(
        "--with-code",
        "--with_code",
        action="store_true",
        help="let the model's code go along, for whoever has transformers but not this package",
    )
    return parser
