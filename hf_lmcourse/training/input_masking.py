"""Input masking: noise on the input tokens of a causal model, not on its targets."""

from typing import Any

import torch
from torch import Tensor

from ..errors import LmcourseError


def mask_inputs(
    input_ids: Tensor, share: float, vocabulary: int, unknown: int | None = None
) -> Tensor:
    """Replace a share of the input tokens, so that the model relies on no single word.

        w'_t = w_t with probability 1 - share, else <unk> or a word sampled uniformly

    independently for each token.

    Args:
        input_ids: w_t.
        share: Probability that a token is replaced.
        vocabulary: Number of words to sample from.
        unknown: Id of `<unk>`; `None` for random words.

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
    """Apply `mask_inputs` to the batches of a training, as its settings say.

    Args:
        args: `RunArguments`; without `input_masking` nothing is masked.
        tokenizer: The tokenizer of the inputs.
        vocabulary: Number of words to sample from.

    Raises:
        LmcourseError: Tokens are to be replaced by `<unk>`, and the tokenizer has none.
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
        """Return the batch with some of its `input_ids` replaced."""
        if not self.share or "input_ids" not in inputs:
            return inputs
        masked = mask_inputs(inputs["input_ids"], self.share, self.vocabulary, self.unknown)
        return {**inputs, "input_ids": masked}
