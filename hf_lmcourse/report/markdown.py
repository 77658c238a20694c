"""Names and commands of a user, as they are, in Markdown."""

import re

_SPECIAL = re.compile(r"[\\`*\[\]<>&~$]|(?<!\w)_|_(?!\w)")


def escaped(text: str) -> str:
    """Write a text in one line so that Markdown shows it as it is, markup and tags included.

    Bars are left to `markdown_table`.
    """
    return _SPECIAL.sub(r"\\\g<0>", " ".join(text.split()))


def code(text: str) -> str:
    """Write a text in one line as code, between more backticks than follow each other in it."""
    line = " ".join(text.split())
    longest = max((len(ticks) for ticks in re.findall(r"`+", line)), default=0)
    space = " " if "`" in line else ""
    fence = "`" * (longest + 1)
    return f"{fence}{space}{line}{space}{fence}"
