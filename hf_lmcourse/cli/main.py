"""The command `lmcourse`: one verb a module."""

import importlib
import logging
import sys
import warnings

from ..errors import LmcourseError

__all__ = ["main"]

VERBS = {
    "train": "train a model as a YAML file says",
    "study": "train one model again and again with one thing changed",
    "baselines": "linear classifiers of labelled texts, to compare a network with",
    "evaluate": "perplexity and accuracy of a saved model on a corpus or a text file",
    "perplexity": "any language models on any passages, and which figures compare",
    "errors": "where a classifier is wrong, and which words made it so",
    "generate": "continue a prompt with a saved model",
    "push": "share a run folder on the Hugging Face Hub",
    "export-onnx": "a saved model as ONNX files, for onnxruntime",
    "vectors": "save the input or output embeddings of a model as a text file of word vectors",
    "similarity": "how well word vectors agree with people on which words are similar",
    "bench": "our speed beside what a user would write with public libraries",
    "theory": "the derivations of the course, each with a check that runs",
    "check": "your own LSTM, attention, perplexity ... beside ours, with the mistake named",
    "attention": "pictures and statistics of what a Transformer's heads look at",
}


def main(arguments: list[str] | None = None) -> int:
    """Run one verb.

    Args:
        arguments: the words after `lmcourse`; those of the process by default.

    Returns:
        The exit status: 0, 2 for bad input (told in one sentence), 130 after an interruption.
    """
    words = sys.argv[1:] if arguments is None else arguments
    if not words or words[0] in ("-h", "--help"):
        print(_usage())  # noqa: T201
        return 0
    verb, *rest = words
    if verb not in VERBS:
        print(f"lmcourse: unknown verb {verb!r}\n{_usage()}", file=sys.stderr)  # noqa: T201
        return 2
    _quieten_libraries()
    try:
        # Imported late: nobody waits for what the other verbs import.
        return importlib.import_module(f".{verb.replace('-', '_')}", __package__).run(rest)
    except LmcourseError as error:
        print(f"lmcourse {verb}: {error}", file=sys.stderr)  # noqa: T201
        return 2
    except KeyboardInterrupt:
        print(f"lmcourse {verb}: interrupted", file=sys.stderr)  # noqa: T201
        return 130


def _usage() -> str:
    verbs = "\n".join(f"  {verb:<11} {meaning}" for verb, meaning in VERBS.items())
    return f"usage: lmcourse VERB ...\n\n{verbs}\n\nlmcourse VERB --help tells more."


def _quieten_libraries() -> None:
    """Keep notes that a user of this command can do nothing about off the terminal."""
    from transformers.utils import logging as transformers_logging

    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    logging.getLogger("accelerate").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", message=".*pin_memory.*")
    warnings.filterwarnings("ignore", message="Sparse invariant checks")


if __name__ == "__main__":
    sys.exit(main())
