"""How `generate` chooses the next token, as the kernel of generation takes it."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import GenerationConfig
from transformers.generation import (
    EosTokenCriteria,
    LogitsProcessorList,
    MaxLengthCriteria,
    StoppingCriteriaList,
    SuppressTokensLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

_PROCESSORS = (
    SuppressTokensLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)
"""Those that the kernel knows, in the order in which transformers applies them."""


@dataclass(frozen=True)
class NextToken:
    """The choice of the next token.

    Attributes:
        suppressed: Tokens that are never chosen.
        ends: Tokens that end a row.
        settings: The temperature, 0 for the likeliest token, and top_p.
        top_k: How many of the likeliest tokens are kept, 0 for all.
        least_kept: How many top_p keeps at the least.
        padding: The token of a row that has ended.
        length: How many tokens a row has in the end.
    """

    suppressed: Tensor
    ends: Tensor
    settings: Tensor
    top_k: int
    least_kept: int
    padding: int
    length: int

    @property
    def draws(self) -> bool:
        """Whether the token is drawn."""
        return bool(self.settings[0] > 0)

    @classmethod
    def of(
        cls,
        processors: LogitsProcessorList,
        criteria: StoppingCriteriaList,
        config: GenerationConfig,
    ) -> "NextToken | None":
        """The choice that these settings of `generate` make; `None` if the kernel has no such."""
        found: dict[type, Any] = {type(processor): processor for processor in processors}
        order = [_PROCESSORS.index(kind) for kind in found if kind in _PROCESSORS]
        if len(order) < len(processors) or order != sorted(order) or not _ends_as_known(criteria):
            return None
        ends = [c.eos_token_id for c in criteria if type(c) is EosTokenCriteria]
        suppress, temperature, top_k, top_p = map(found.get, _PROCESSORS)
        filters = [p.filter_value for p in (top_k, top_p) if p is not None]
        if any(value != -float("inf") for value in filters):
            return None
        warmth = 1.0 if temperature is None else float(temperature.temperature)
        nucleus = 1.0 if top_p is None else float(top_p.top_p)
        padding = config._pad_token_tensor
        return cls(
            suppressed=_ids([] if suppress is None else suppress.suppress_tokens),
            ends=_ids(ends[0] if ends else []),
            settings=torch.tensor(
                [warmth if config.do_sample else 0.0, nucleus], dtype=torch.float32, device="cpu"
            ),
            top_k=0 if top_k is None else top_k.top_k,
            least_kept=1 if top_p is None else top_p.min_tokens_to_keep,
            padding=0 if padding is None else int(padding),
            length=int(criteria.max_length or 0),
        )


def _ends_as_known(criteria: StoppingCriteriaList) -> bool:
    """Whether a row ends at a length, and perhaps at some tokens, and for no other reason."""
    kinds = [type(criterion) for criterion in criteria]
    return kinds in ([MaxLengthCriteria], [MaxLengthCriteria, EosTokenCriteria])


def _ids(tokens: Any) -> Tensor:
    return torch.as_tensor(tokens, dtype=torch.int64, device="cpu").flatten().contiguous()
