"""What a tokenizer knows of a prompt."""

from transformers import PreTrainedTokenizerBase

from ..errors import LmcourseError
from .encoding import plain_backend

_NAMED = 5
_LONGEST = 20
"""So many unknown words are named, and so many of their characters."""


def unknown_in_prompt(
    tokenizer: PreTrainedTokenizerBase, prompt: str, name: str = "the prompt"
) -> str | None:
    """Say which characters or words of a prompt a tokenizer does not know.

    Args:
        tokenizer: A fast tokenizer.
        prompt: The prompt.
        name: What to call it.

    Returns:
        One sentence; `None` if it knows all of them.

    Raises:
        LmcourseError: The prompt has a lone surrogate, which is what a byte becomes that is not
            UTF-8.
    """
    try:
        prompt.encode()
    except UnicodeEncodeError as error:
        raise LmcourseError(
            f"{name} is not UTF-8 text (character {error.start + 1:,}): give it in UTF-8"
        ) from None
    encoding = plain_backend(tokenizer).encode(prompt, add_special_tokens=False)
    unknown = tokenizer.unk_token
    spans = zip(encoding.tokens, encoding.offsets, strict=True)
    words = dict.fromkeys(prompt[start:end] for token, (start, end) in spans if token == unknown)
    words.pop(unknown, None)
    if not words:
        return None
    shown = ", ".join(repr(word[:_LONGEST]) for word in list(words)[:_NAMED])
    more = f" and {len(words) - _NAMED:,} more" if len(words) > _NAMED else ""
    return f"{name} has {shown}{more}, unknown to the model, which reads {unknown} instead"
