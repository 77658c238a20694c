"""`generate` of the Transformer in one compiled call: transformer_generation_kernel.cpp."""

from typing import Any

import torch
from torch import Tensor, nn

from ...kernels.readable_weights import readable
from ...layers.dropout import Dropout
from ...layers.positions import sinusoidal_positions
from ..compiled_generation import (
    CompiledGenerationMixin,
    Run,
    addresses,
    chosen_tokens,
    has_ended,
)
from ..next_token import NextToken
from .decoding_cpp import ACTIVATIONS, addresses_of, are_known
from .decoding_memory import Memory, memory_of, takes_cache
from .windowed_generation import WindowedGenerationMixin, positions_in


class TransformerGenerationMixin(CompiledGenerationMixin, WindowedGenerationMixin):
    """`generate` for a Transformer.

    A window is read by the model's `forward`, and the tokens up to its end are chosen by the
    kernel.
    """

    generation_kernel = "transformer_generation_kernel"

    def _takes(self, input_ids: Tensor, generation_config: Any, kwargs: dict[str, Any]) -> bool:
        if not super()._takes(input_ids, generation_config, kwargs):
            return False
        batch, length = input_ids.shape
        cache, mask, positions = (
            kwargs.get(name) for name in ("past_key_values", "attention_mask", "position_ids")
        )
        if mask is None:  # it was all ones, of this length
            width = getattr(generation_config, "_mask_length", length)
        else:
            width = mask.shape[1] if mask.shape[0] == batch else -1
        return (
            generation_config.prefill_chunk_size is None
            and width == length
            and positions is not None
            and positions.ndim == 2
            and bool(((positions[:, -1] >= 0) & (positions[:, -1] < length)).all())
            and cache is not None
            and takes_cache(cache, self.config, batch)
            and cache.get_seq_length() < length
        )

    def _is_known_body(self) -> bool:
        config, body = self.config, self.model
        norm, projection = body.norm, body.embedding_projection
        return (
            type(norm) is nn.LayerNorm
            and readable(norm)
            and norm.eps == config.layer_norm_eps
            and norm.weight is not None
            and norm.bias is not None
            and type(projection) in (nn.Identity, nn.Linear)
            and getattr(projection, "bias", None) is None
            and type(body.embedding_dropout) is Dropout
            and self._has_known_positions()
            and are_known(body.layers, config)
        )

    def _has_known_positions(self) -> bool:
        """Whether there are as many learned positions as the config says, if they are learned."""
        config = self.config
        if config.position_embedding_type != "learned":
            return True
        positions = self.model.embed_positions
        shape = (config.max_position_embeddings, config.hidden_size)
        is_plain = type(positions) is nn.Embedding and readable(positions)
        return is_plain and positions.weight.shape == shape

    def _generate(
        self, input_ids: Tensor, outputs: Any, choice: NextToken, model_kwargs: dict[str, Any]
    ) -> Tensor:
        me: Any = self
        finished = torch.zeros(len(input_ids), dtype=torch.uint8, device="cpu")
        while True:
            model_kwargs = me._update_model_kwargs_for_generation(outputs, model_kwargs)
            cache = outputs.past_key_values
            room = self.config.max_position_embeddings - cache.get_seq_length()
            steps = min(choice.length - input_ids.shape[1], room + 1)
            tokens = self._continued(
                cache, outputs.logits, input_ids, choice, model_kwargs, steps, finished
            )
            input_ids = torch.cat([input_ids, tokens.t()], dim=1)
            if input_ids.shape[1] == choice.length or has_ended(choice, finished):
                return input_ids
            model_kwargs = me._update_model_kwargs_for_generation(
                outputs, model_kwargs, num_new_tokens=len(tokens) - 1
            )
            inputs = self.prepare_inputs_for_generation(
                input_ids, next_sequence_length=1, **model_kwargs
            )
            outputs = me(**inputs, return_dict=True)  # of the next window

    def _continued(
        self,
        cache: Any,
        logits: Tensor,
        input_ids: Tensor,
        choice: NextToken,
        model_kwargs: dict[str, Any],
        steps: int,
        finished: Tensor,
    ) -> Tensor:
        """Tokens that follow within a window; the cache gets all of them but the last.

        Shape:
            logits: (batch, length, vocab_size); input_ids: (batch, length); finished: (batch,);
            result: (steps made, batch).
        """
        seen = cache.get_seq_length()
        memories = [memory_of(layer, steps) for layer in cache.layers]
        places, mask = self._next_places(input_ids, seen, model_kwargs)
        run = self._runs(memories, places, mask, seen, steps)
        tokens = chosen_tokens(run, logits, choice, steps, finished)
        for layer, memory in zip(cache.layers, memories, strict=True):
            layer.keys, layer.values = memory.up_to(seen + len(tokens) - 1)
        return tokens

    def _next_places(
        self, input_ids: Tensor, seen: int, model_kwargs: dict[str, Any]
    ) -> tuple[Tensor, Tensor | None]:
        """The position of the next token of each row, and which of those in the cache are masked.

        Shape:
            input_ids: (batch, length); results: (batch,) and (batch, seen).
        """
        batch, length = input_ids.shape
        start = length - seen
        mask = model_kwargs.get("attention_mask")
        mask = None if mask is None else mask[:, start:]  # (batch, seen + 1)
        if start == 0:
            places = model_kwargs["position_ids"]
        else:
            places = positions_in(input_ids.new_empty(batch, seen + 1), mask)
        places = places[:, -1].long().expand(batch).clone()
        return places, None if mask is None else mask[:, :seen].bool().contiguous()

    def _runs(
        self, memories: list[Memory], places: Tensor, mask: Tensor | None, seen: int, steps: int
    ) -> Run:
        """The kernel on top of a cache; `places` are moved on with the tokens."""
        config, body = self.config, self.model
        low = int(places.min())
        places -= low
        added, cos, sin = self._positions(low, low + int(places.max()) + steps)
        kernel = self._kernel(body.embed_tokens.weight)
        assert kernel is not None
        blocks, around = addresses_of(body.layers, memories), self._around()
        projection = getattr(body.embedding_projection, "weight", None)
        ends = addresses([[projection, body.norm.weight, body.norm.bias]])
        is_scaled = config.position_embedding_type == "sinusoidal"
        scale = config.hidden_size**0.5 if is_scaled else 1.0
        numbers = torch.tensor([config.layer_norm_eps, scale], dtype=torch.float32, device="cpu")
        sizes = [len(memories), body.embed_tokens.embedding_dim, config.hidden_size]
        sizes += [config.intermediate_size, config.num_attention_heads]
        masked = 0 if mask is None else mask.shape[1]
        activation = ACTIVATIONS.index(config.hidden_act)
        width = self.lm_head.in_features

        def run(request: Tensor, before: int) -> None:
            kernel(
                *(blocks, around, ends, added, cos, sin, mask, places, numbers, request),
                *(*sizes, masked, seen + before, activation, width),
            )

        return run

    def _positions(self, begin: int, end: int) -> tuple[Tensor | None, ...]:
        """What is added at each of some positions, and cosines and sines of rotary ones.

        Shape:
            (positions, hidden_size) and twice (positions, head_size / 2); `None` for what the model
            has not.
        """
        config, body = self.config, self.model
        if config.position_embedding_type == "learned":
            return body.embed_positions.weight[begin:end], None, None
        positions = torch.arange(begin, end, device="cpu")
        if config.position_embedding_type == "sinusoidal":
            return sinusoidal_positions(positions, config.hidden_size, torch.float32), None, None
        cos, sin = body._rotation(positions.unsqueeze(0), torch.float32)
        return None, cos.contiguous(), sin.contiguous()
