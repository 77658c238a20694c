"""Input masking: noise on what a causal model reads, and none on what it predicts."""

from typing import Any

import torch
from torch import Tensor

from ..errors import LmcourseError

__all__ = ["InputMasking", "mask_inputs"]


def mask_inputs(
    input_ids: Tensor, share: float, vocabulary: int, unknown: int | None = None
) -> Tensor:
    """Replace a share of the input tokens; the labels stay as they are.

        w'_t = w_t with probability 1 - share, else <unk>, or a word drawn evenly from all

    each token by itself. The model must not rely on any single word of its context.

    Args:
        input_ids: w_t.
        share: how likely a token is to be replaced.
        vocabulary: how many words there are to draw from.
        unknown: the id of `<unk>`; `None` for random words.

    Shape:
        input_ids, result: (batch, length).

    Reference:
        Xie et al. 2017, Data Noising as Smoothing in Neural Network Language Models ("blank" and
        unigram noise); Devlin et al. 2019 (random words among the masked).
    """
    chosen = torch.rand(input_ids.shape, device=input_ids.device) < share
    if unknown is not None:
        return input_ids.masked_fill(chosen, unknown)
    return torch.where(chosen, torch.randint_like(input_ids, vocabulary), input_ids)


class InputMasking:
    """`mask_inputs` on the batches of a training, as its settings say.

    Args:
        args: with `input_masking` and `input_masking_with`; without them nothing is masked.
        tokenizer: with an unknown token, where that is to be put in.
        vocabulary: how many words there are to draw from.

    Raises:
        LmcourseError: there is no unknown token.
    """

    def __init__(self, args: Any, tokenizer: Any, vocabulary: int) -> None:
        self.share = getattr(args, "input_masking", 0.0)
        self.vocabulary = vocabulary
        self.unknown: int | None = None
        if self.share and args.input_masking_with == "unk":
            self.unknown = getattr(tokenizer, "unk_token_id", None)
            if self.unknown is None:
                raise LmcourseError(
                    "input_masking needs a tokenizer with an unknown token: set "
                    "input_masking_with to random"
                )

    def __call__(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """The batch with some of its `input_ids` replaced."""
        if not self.share or "input_ids" not in inputs:
            return inputs
        masked = mask_inputs(inputs["input_ids"], self.share, self.vocabulary, self.unknown)
        return {**inputs, "input_ids": masked}
