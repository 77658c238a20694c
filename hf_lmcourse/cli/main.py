"""The command `lmcourse`: one module per verb, each with a function `run(arguments) -> int`."""

import errno
import importlib
import sys

from ..errors import LmcourseError, nearest, reason
from ..report.printing import lasting_streams
from ..report.quiet_libraries import quiet_libraries

VERBS = {
    "recipes": "list the training runs and studies that come with the package",
    "train": "train a model as a recipe or a YAML file describes",
    "study": "train one model repeatedly, with one setting varied",
    "baselines": "train linear classifiers on labelled texts, to compare a network with",
    "evaluate": "compute perplexity and accuracy of a saved model on a corpus or a text file",
    "perplexity": "compare any language models by their perplexity on the same texts",
    "errors": "show where a classifier is wrong, and which words caused the errors",
    "generate": "continue a prompt with a saved model",
    "explain": "write a model as one HTML page, which computes in the browser",
    "serve": "answer HTTP requests with a saved model, in the protocol of OpenAI",
    "push": "share a run folder on the Hugging Face Hub",
    "export-onnx": "export a saved model to ONNX files, for onnxruntime",
    "vectors": "save the input or output embeddings of a model as a text file of word vectors",
    "similarity": "compare the similarity of word vectors with human judgements",
    "theory": "show the derivations of the course, and check them numerically",
    "quiz": "answer questions about the theory, with the reason for each answer",
    "assignment": "make an assignment for students from marked solutions",
    "check": "compare your own LSTM, attention, perplexity, ... with a reference",
    "grade": "grade a folder of submissions, with points, hints and a table of the class",
    "attention": "plot and measure what the attention heads of a Transformer look at",
}


def main(arguments: list[str] | None = None) -> int:
    """Run one verb.

    Args:
        arguments: The words after `lmcourse`; those of the process by default.

    Returns:
        The exit status: that of the verb, 2 for bad input or output that cannot be written (with
        one sentence on stderr), or 130 after an interruption.
    """
    words = sys.argv[1:] if arguments is None else arguments
    with lasting_streams():
        status = _run(words)
        sys.stdout.flush()
        lost = getattr(sys.stdout, "error", None)
        if lost is None or lost.errno == errno.EPIPE:  # a reader such as `head` may leave
            return status
        print(f"lmcourse: cannot write the output: {reason(lost)}", file=sys.stderr)
        return status or 2


def _run(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help"):
        print(_usage())
        return 0
    verb, *rest = words
    if verb not in VERBS:
        close = nearest(verb.lower().replace("_", "-"), VERBS)
        hint = f": did you mean {close!r}?" if close else f"\n{_usage()}"
        print(f"lmcourse: unknown verb {verb!r}{hint}", file=sys.stderr)
        return 2
    try:
        _check_words(rest)
        # Imported only now: `lmcourse --help` needs neither torch nor transformers.
        with quiet_libraries():
            return importlib.import_module(f".{verb.replace('-', '_')}", __package__).run(rest)
    except LmcourseError as error:
        print(f"lmcourse {verb}: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        place = f"{error.filename}: " if error.filename is not None else ""
        print(f"lmcourse {verb}: {LmcourseError(place + reason(error))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"lmcourse {verb}: interrupted", file=sys.stderr)
        return 130


def _check_words(words: list[str]) -> None:
    """Refuse what Python could not decode: neither a tokenizer nor a page of UTF-8 takes it.

    A NUL, which only a caller in Python can give, is in no name of a file.
    """
    for word in words:
        if "\0" in word:
            raise LmcourseError(f"{word!r} has a NUL in it: leave it out")
        try:
            word.encode()
        except UnicodeEncodeError as error:
            raise LmcourseError(
                f"{word!r} is not text in the encoding {sys.getfilesystemencoding()}: write it in "
                "that encoding, or set PYTHONUTF8=1 if it is UTF-8"
            ) from error


def _usage() -> str:
    verbs = "\n".join(f"  {verb:<11} {meaning}" for verb, meaning in VERBS.items())
    return (
        f"usage: lmcourse VERB ...\n\n{verbs}\n\nlmcourse VERB --help lists the options of a verb."
    )


if __name__ == "__main__":
    sys.exit(main())
