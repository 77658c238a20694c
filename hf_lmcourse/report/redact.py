"""Text that may be published: without local paths and access tokens."""

import re
from pathlib import Path, PureWindowsPath

_ACCESS_TOKEN = re.compile(r"\bhf_[A-Za-z0-9]{20,}")
_TOKEN_OPTION = re.compile(
    r"""((?:--token|\b(?:push_to_)?hub[_-]token)["']?[=:\s]\s*)
        (?!["']?(?:None|null|True|true|False|false)\b) ("[^"]*" | '[^']*' | [^\s,]+)""",
    re.VERBOSE,
)
_QUOTED_PATH = re.compile(
    r"""(["'])((?:file://)?/[^"'\n]+ | [A-Za-z]:[\\/][^"'\n]+)\1""", re.VERBOSE
)
_BARE_PATH = re.compile(
    r"""(?<![\w./<~)\]-])
        (?: (?:file://)?/[\w.+@~-][^\s"'`,;|)]* | [A-Za-z]:[\\/](?!/)[^\s"'`,;|)]+ )""",
    re.VERBOSE,
)


def redacted(text: str) -> str:
    """Remove local paths and access tokens from a command, a configuration or a description.

    A path below the current directory becomes relative to it, any other absolute path keeps its
    last part only, as `path/to/<last part>`. Addresses such as https://... stay.
    An access token becomes `***`.
    """
    text = without_tokens(text)
    text = _QUOTED_PATH.sub(lambda match: match[1] + _general_path(match[2]) + match[1], text)
    return _BARE_PATH.sub(lambda match: _general_path(match[0]), text)


def without_tokens(text: str) -> str:
    """Replace access tokens in a text that stays on this machine by `***`."""
    return _TOKEN_OPTION.sub(r"\1***", _ACCESS_TOKEN.sub("***", text))


def _general_path(path: str) -> str:
    """Return the path as somebody else could write it."""
    path = path.removeprefix("file://")
    if not path.startswith("/"):
        return f"path/to/{PureWindowsPath(path).name}"
    local = Path(path)
    if local.is_relative_to(Path.cwd()):
        return str(local.relative_to(Path.cwd()))
    return f"path/to/{local.name}"


def has_access_token(text: str) -> bool:
    """Whether a text contains an access token of the Hub."""
    return _ACCESS_TOKEN.search(text) is not None
