"""A language model around a module of your own, to be trained and scored like those of the package.

With a state that is `None` before the first token,

    class MyLSTM(nn.Module):
        def forward(self, input_ids, state):    # (batch, length)
            ...
            return logits, (h, c)               # (batch, length, vocab_size), (batch, ...) each

is a language model as `ModuleForCausalLM(ModuleConfig(vocab_size=65), MyLSTM())`.
"""

from typing import Any, ClassVar

import torch
from huggingface_hub.dataclasses import strict
from torch import Tensor, nn
from transformers import GenerationMixin
from transformers.cache_utils import Cache, DynamicCache
from transformers.modeling_outputs import CausalLMOutputWithPast
from transformers.utils.generic import can_return_tuple

from ..kernels.scoring import token_losses
from .aligned_weights import AlignedWeights
from .cache import RECURRENT_STATE
from .configuration_base import CourseConfig
from .embeddings import mask_of_new_tokens
from .packed_rows import PackedRows

__all__ = ["ModuleConfig", "ModuleForCausalLM"]


@strict
class ModuleConfig(CourseConfig):
    """What is known of the module.

    Args:
        vocab_size (`int`): Number of tokens.
        pad_token_id, bos_token_id, eos_token_id (`int`, *optional*): Special tokens.
    """

    model_type = "lmcourse_module"
    vocab_size: int = 10_000
    num_hidden_layers: int = 1  # the state is that of one layer of a cache
    pad_token_id: int | None = None
    bos_token_id: int | None = None
    eos_token_id: int | list[int] | None = None

    sizes: ClassVar[tuple[str, ...]] = ("vocab_size",)

    @property
    def layer_types(self) -> list[str]:
        """What each layer keeps in a cache, for `DynamicCache(config=...)`."""
        return [RECURRENT_STATE]


class ModuleForCausalLM(AlignedWeights, GenerationMixin):
    """A language model that any module with a state becomes.

    `StreamTrainer` carries its state along streams, `evaluate_split` scores it, `generate` samples
    from it, and `save_pretrained` writes its weights under the prefix "module.". To load them,
    make the module first: `ModuleForCausalLM.from_pretrained(folder, MyLSTM())`.

    Args:
        config: With the size of the vocabulary.
        module: Its `forward(input_ids, state)` returns the logits and the state after the last
            token: a tensor, or a tuple of two or more, the batch first. The state is `None` before
            the first token. Its weights are left as they are.
    """

    config: ModuleConfig
    base_model_prefix = ""
    carries_state = True

    def __init__(self, config: ModuleConfig, module: nn.Module) -> None:
        super().__init__(config)
        self.module = module
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        """The module has drawn them."""

    @can_return_tuple
    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        past_key_values: Cache | None = None,
        labels: Tensor | None = None,
        use_cache: bool | None = None,
        **kwargs: Any,
    ) -> CausalLMOutputWithPast:
        """Predict the next token at every position.

        Args:
            input_ids: Token ids.
            attention_mask: All ones: the module knows no padding.
            past_key_values: The state.
            labels: As in transformers; see `LanguageModelForCausalLM.forward`.
            use_cache: Return the state.
            **kwargs: `shift_labels` and `num_items_in_batch`, as in transformers.

        Raises:
            ValueError: There is padding, or a row packs several texts.

        Shape:
            input_ids, labels: (batch, length); attention_mask: (batch, seen + length);
            logits: (batch, length, vocab_size).
        """
        if mask_of_new_tokens(attention_mask, input_ids.shape[1]) is not None:
            raise ValueError("a module of your own knows no padding: give rows of one length")
        if PackedRows.of(kwargs.get("position_ids"), input_ids.shape[0]) is not None:
            raise ValueError("a module of your own knows no packed rows: give each text its own")
        if past_key_values is None:
            past_key_values = DynamicCache(config=self.config)
        layer: Any = past_key_values.layers[0]
        before = layer.state
        single = before is not None and len(before) == 1
        logits, state = self.module(input_ids, before[0] if single else before)
        layer.update(
            tuple(part.unsqueeze(1) for part in ((state,) if torch.is_tensor(state) else state)),
            length=input_ids.shape[1],
        )
        loss = None
        if labels is not None or "shift_labels" in kwargs:
            loss = self.loss_function(logits, labels, self.config.vocab_size, **kwargs)
        past = past_key_values if use_cache in (None, True) else None
        return CausalLMOutputWithPast(loss=loss, logits=logits, past_key_values=past)

    @torch.no_grad()
    def score_tokens(
        self,
        input_ids: Tensor,
        targets: Tensor,
        past_key_values: Cache | None = None,
        temperature: float = 1.0,
    ) -> tuple[Tensor, Tensor, Cache | None]:
        """Score as `LanguageModelForCausalLM.score_tokens`."""
        outputs = self(input_ids, past_key_values=past_key_values, use_cache=True)
        logits, vocabulary = outputs.logits.flatten(0, 1), self.config.vocab_size
        losses, hits = token_losses(
            nn.Identity(), logits, targets.flatten(), vocabulary, temperature
        )
        return losses.view_as(targets), hits.view_as(targets), outputs.past_key_values
