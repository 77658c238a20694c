"""The corpus that comes with every CPython: the text of its help topics."""

_SHARED_LENGTH = 80
"""A paragraph this long that occurs in two topics makes them one group."""


def cpython_docs(split: str) -> str:
    """Python's help topics, about 465,000 characters of English and code.

    Whole topics go to one side. Topics quote each other (hold out every tenth, and almost half of
    the held-out text also occurs in the rest), so those that share a paragraph of 80 characters or
    more stay together: no such paragraph is in both splits. Of the groups, in the order of their
    first names, the first and every fifth after it are validation text.

    The text is that of the running Python and differs a little between its versions. In Python 3.11
    there are 416,952 characters to train on and 48,095 (10.3 %) to validate on. Paragraphs that
    occur in both, of 53 characters at most, make up 0.2 % of the validation text; of its sequences
    of 8 words, 0.3 % occur in the training text, and of those of 13 words none does. One of its
    characters, the degree sign, does not.

    Args:
        split: "train" or "validation".

    Returns:
        The topics of the split in alphabetical order.
    """
    from pydoc_data.topics import topics  # half a megabyte that only this corpus needs

    groups = sorted(sorted(group) for group in _groups(topics))
    chosen = [
        name
        for index, group in enumerate(groups)
        for name in group
        if (index % 5 == 0) == (split == "validation")
    ]
    return "\n".join(topics[name].strip("\n") + "\n" for name in sorted(chosen))


def _groups(topics: dict[str, str]) -> list[set[str]]:
    """Topics joined by the paragraphs they share."""
    groups: list[tuple[set[str], set[str]]] = []
    for name, text in topics.items():
        paragraphs = {p.strip() for p in text.split("\n\n") if len(p.strip()) >= _SHARED_LENGTH}
        names = {name}
        apart = []
        for other_names, other_paragraphs in groups:
            if paragraphs & other_paragraphs:
                names |= other_names
                paragraphs |= other_paragraphs
            else:
                apart.append((other_names, other_paragraphs))
        groups = [*apart, (names, paragraphs)]
    return [names for names, _ in groups]
