"""Command lines that talk to a Hub, and what their users read."""

from dataclasses import dataclass

from ..hub.children import OTHER, READ, WRITE


@dataclass(frozen=True)
class Case:
    """A command line, whose token it is, what the server does, and what the user reads."""

    words: str
    message: tuple[str, ...]
    token: str | None = WRITE
    trouble: str | None = None


CASES = {
    "push": Case("push RUN ada/tiny", ("/ada/tiny holds", "result.json"), WRITE),
    "push again": Case("push RUN ada/tiny", ("/ada/tiny holds",), WRITE),
    "with code": Case("push RUN course/tiny --with-code --private", ("modeling_lstm.py",)),
    "with a page": Case(
        "push RUN ada/shown --page", ("/spaces/ada/shown shows", "/ada/shown holds")
    ),
    "a branch": Case("push RUN ada/tiny --revision second", ("/ada/tiny holds",)),
    "a pull request": Case("push RUN ada/tiny --create-pr --with-code", ("/discussions/1",)),
    "by id": Case("evaluate ada/tiny --data TEXT", ("perplexity",), None),
    "a revision by id": Case("evaluate ada/tiny --data TEXT --revision second", ("perplexity",)),
    "generate by id": Case("generate ada/tiny --prompt line --length 5 --greedy", ("line",)),
    "a private one": Case("evaluate course/tiny --data TEXT", ("perplexity",)),
    "silent, but cached": Case(
        "evaluate ada/tiny --data TEXT", ("does not answer", "Using what is"), None, "silent"
    ),
    "ill, but cached": Case(
        "evaluate ada/tiny --data TEXT", ("answers 503", "Using what is"), None, "503"
    ),
    "a training that ends with a push": Case(
        "train YAML --output_dir OUT --push_to_hub true --hub_model_id ada/trained",
        ("Shared: http",),
    ),
}
"""What works; the order matters."""

FAILURES = {
    "no token": Case("push RUN ada/x", ("no access token", "hf auth login"), None),
    "wrong token": Case("push RUN ada/x", ("does not accept your access token",), "hf_wrong"),
    "a token to read": Case("push RUN ada/x", ("only reads",), READ),
    "no right": Case("push RUN ada/x", ("no right", "in ada/x", "another namespace"), OTHER),
    "refused metadata": Case(
        "push BAD ada/x", ("refuses the metadata", '"license" must be', "README.md")
    ),
    "silent": Case("push RUN ada/x", ("does not answer", "try again later"), WRITE, "silent"),
    "ill": Case("push RUN ada/x", ("answers 503; try again later",), WRITE, "503"),
    "hanging up": Case("push RUN ada/x", ("cannot be reached",), WRITE, "drop"),
    "no base": Case("push RUN ada/tiny --create-pr --revision v9", ("has no revision v9",)),
    "public": Case("push RUN ada/tiny --private", ("exists already and is public",)),
    "missing": Case("evaluate ada/none --data TEXT", ("has no repository ada/none", "check")),
    "missing, no token": Case("generate ada/none", ("or it is private", "hf auth login"), None),
    "private": Case("evaluate course/tiny --data TEXT", ("hidden from your access token",), OTHER),
    "gated": Case("evaluate bob/gated --data TEXT", ("bob/gated is gated; ask for access at",)),
    "gated, no token": Case("generate bob/gated", ("is gated", "hf auth login"), None),
    "no revision": Case("generate ada/tiny --revision v9", ("ada/tiny at v9", "no revision v9")),
    "wrong token to read": Case("generate ada/tiny", ("does not accept",), "hf_wrong"),
    "a training that could not push": Case(
        "train YAML --output_dir OUT --push_to_hub true --hub_model_id ada/never",
        ("cannot make the repository ada/never", "answers 503"),
        WRITE,
        "503",
    ),
    "silent, not cached": Case(
        "generate ada/new", ("does not answer", "not in the cache; a local folder"), None, "silent"
    ),
    "a corpus of a silent Hub": Case(
        "evaluate RUN --data ptb", ("get corpus ptb from the Hub", "LMCOURSE_DATA"), None, "silent"
    ),
}
