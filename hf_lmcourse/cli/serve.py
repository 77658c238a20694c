"""`lmcourse serve`: answer HTTP requests with a saved model, in the protocol of OpenAI."""

import argparse
import socket
import time

from transformers.utils.import_utils import is_serve_available

from ..errors import LmcourseError, reason
from ..models.loading import load_language_model


def run(arguments: list[str]) -> int:
    """Serve a model until the process is interrupted, with the server of `transformers serve`."""
    options = _parser().parse_args(arguments)
    if not is_serve_available():
        raise LmcourseError(
            "lmcourse serve needs further libraries: pip install 'hf-lmcourse[serve]'"
        )
    if "@" in options.model:
        raise LmcourseError(
            f"the server takes what follows the @ in {options.model} for a revision: move the "
            "folder, or name the revision with --revision"
        )
    _check_address(options.host, options.port)
    make_known(options.model, options.revision)
    from transformers.cli.serve import Serve  # needs the extra

    name = options.model if options.revision is None else f"{options.model}@{options.revision}"
    _list_only(name)
    print(
        f"POST http://{options.host}:{options.port}/v1/completions with model {name!r}", flush=True
    )
    Serve(force_model=name, host=options.host, port=options.port)
    return 0


def make_known(model: str, revision: str | None = None) -> None:
    """Make the server know the class of a model: it looks in `transformers` alone.

    Raises:
        LmcourseError: It is not a saved causal language model.
    """
    from transformers.cli.serving import model_manager

    model_class = type(load_language_model(model, revision)[0])
    if not hasattr(model_manager.transformers, model_class.__name__):
        setattr(model_manager.transformers, model_class.__name__, model_class)


def _list_only(name: str) -> None:
    """Answer /v1/models with this model: the host lists what its cache holds, if there is one."""
    from transformers.cli.serving.model_manager import ModelManager

    entry = {"id": name, "object": "model", "created": int(time.time()), "owned_by": "lmcourse"}
    setattr(ModelManager, "get_gen_models", staticmethod(lambda cache_dir=None: [entry]))  # noqa: B010


def _check_address(host: str, port: int) -> None:
    """Refuse an address that is taken or not of this machine before the model is loaded."""
    try:
        socket.create_server((host, port)).close()
    except (OSError, OverflowError, TypeError, UnicodeError) as error:  # what is no name of a host
        raise LmcourseError(f"cannot listen on {host}, port {port}: {reason(error)}") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("lmcourse serve", description=__doc__)
    add = parser.add_argument
    add("model", help="Run folder, saved model or id on the Hub.")
    add("--revision", help="Branch, tag or commit of an id on the Hub (main).")
    add("--host", default="localhost", help="Address to listen on (localhost).")
    add("--port", type=int, default=8000, help="Port to listen on (8000).")
    return parser
