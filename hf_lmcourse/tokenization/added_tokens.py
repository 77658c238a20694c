"""Tokens that a user adds to a tokenizer of this package."""

import warnings
from collections.abc import Sequence

from tokenizers import AddedToken
from transformers import PreTrainedTokenizerFast


class LookupTokenizer(PreTrainedTokenizerFast):
    """transformers' fast tokenizer, with a hint when special tokens are added.

    With `split_special_tokens`, as here, a special token is found in no text, whatever its name.
    """

    def _add_tokens(
        self, new_tokens: Sequence[str | AddedToken], special_tokens: bool = False
    ) -> int:
        added = super()._add_tokens(list(new_tokens), special_tokens)
        if added and special_tokens and self.split_special_tokens:
            warnings.warn(
                "special tokens that are added are split in a text like all of it: set "
                "tokenizer.split_special_tokens = False to have each as one token",
                stacklevel=4,
            )
        return added
