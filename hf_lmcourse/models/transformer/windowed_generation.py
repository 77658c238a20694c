"""Generation beyond the longest context: forget the older half, go on."""

from typing import Any

import torch
from torch import Tensor
from transformers import GenerationMixin
from transformers.cache_utils import Cache


def window_start(length: int, size: int) -> int:
    """Where the context of the next token begins, `length` tokens after the beginning.

        0 up to `size` tokens; then the first multiple of size / 2 that leaves at most `size`

    A window that moved at every token would shift every position and make the whole cache useless
    each time; one that moves by half its size is read again once in size / 2 tokens.

    Args:
        length: How many tokens there are.
        size: How many of them the model can look at.
    """
    stride = max(1, size // 2)
    return max(0, -(-(length - size) // stride)) * stride


class WindowedGenerationMixin(GenerationMixin):
    """`generate` for a model with a longest context, `config.max_position_embeddings`.

    The next token depends on at most so many tokens before it, on the same ones with and without a
    cache: those from `window_start` on. A shorter text is generated as everywhere.
    """

    config: Any

    def prepare_inputs_for_generation(  # type: ignore[override]  # the rest are keywords
        self,
        input_ids: Tensor,
        next_sequence_length: int | None = None,
        past_key_values: Cache | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """Cut off what lies before the window; read the window again if it has moved.

        Args:
            input_ids: The whole text so far.
            next_sequence_length: How many tokens at its end are new; `None` for all.
            past_key_values: The cache.
            attention_mask: 0 at padding, over the whole text.
            inputs_embeds: A prompt of embeddings; the whole text has to fit the context then.
            **kwargs: See transformers.

        Returns:
            The arguments of `forward`.
        """
        start = window_start(input_ids.shape[1], self.config.max_position_embeddings)
        if start > 0:
            input_ids = input_ids[:, start:]
            attention_mask = None if attention_mask is None else attention_mask[:, start:]
            kwargs["position_ids"] = positions_in(input_ids, attention_mask)
            if past_key_values is not None and next_sequence_length is not None:
                seen = int(past_key_values.get_seq_length())
                if seen + next_sequence_length != input_ids.shape[1]:
                    past_key_values.reset()
                    next_sequence_length = None
        parent: Any = super()
        return parent.prepare_inputs_for_generation(
            input_ids,
            next_sequence_length=next_sequence_length,
            past_key_values=past_key_values,
            attention_mask=attention_mask,
            inputs_embeds=inputs_embeds,
            **kwargs,
        )

    def _assisted_decoding(self, input_ids: Any, *args: Any, **kwargs: Any) -> Any:
        """Refuse what would have to go back across the border of a window."""
        wanted = kwargs["generation_config"].max_length
        longest = self.config.max_position_embeddings
        if wanted > longest:
            raise ValueError(
                f"assisted decoding ends at max_position_embeddings {longest}, and {wanted} tokens "
                "are wanted: generate fewer, or without an assistant"
            )
        parent: Any = super()
        return parent._assisted_decoding(input_ids, *args, **kwargs)


def positions_in(input_ids: Tensor, attention_mask: Tensor | None) -> Tensor:
    """The position of each token of a window. Shape: (batch, length), as of the arguments."""
    if attention_mask is None:
        return torch.arange(input_ids.shape[1], device=input_ids.device).expand_as(input_ids)
    return (attention_mask.long().cumsum(-1) - 1).clamp(min=0)
