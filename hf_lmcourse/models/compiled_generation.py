"""`generate` of recurrent models in one compiled call for many tokens: generation_kernel.cpp."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from transformers import GenerationMixin
from transformers.cache_utils import Cache

from ..kernels.build import is_plain, kernel_function
from ..kernels.readable_weights import is_as_made, readable
from ..layers.elman import ElmanLayer
from ..layers.gru import GRULayer
from ..layers.lstm import LSTMLayer
from .cache import RecurrentStateLayer
from .embeddings import WordEmbedding
from .next_token import NextToken

_CELLS = {
    (ElmanLayer, "tanh"): 0,
    (ElmanLayer, "sigmoid"): 1,
    (ElmanLayer, "relu"): 2,
    (LSTMLayer, False): 3,
    (LSTMLayer, True): 4,
    (GRULayer, None): 5,
}
"""Class of a layer, with its activation or whether its gate is capped, and the kernel's cell."""
_DRAWN_AT_ONCE = 1 << 20
"""Random numbers at most, one for each word of each token."""


class CompiledGenerationMixin(GenerationMixin):
    """`generate` for a recurrent model, as fast as its weights can be read.

    Greedy and sampled tokens, with temperature, top_k, top_p, suppressed tokens and tokens that end
    a text, are chosen by a kernel if the model is in float32 on a CPU, in evaluation, and as this
    package made it, without adapters and hooks. The tokens are those of transformers' own loop with
    the same random numbers, which has the rest.
    """

    config: Any
    model: Any
    lm_head: Any
    output_projection: Any
    mixture: Any
    training: bool

    def _sample(
        self,
        input_ids: Tensor,
        logits_processor: Any,
        stopping_criteria: Any,
        generation_config: Any,
        synced_gpus: bool = False,
        streamer: Any = None,
        **model_kwargs: Any,
    ) -> Any:
        """Generate tokens; see transformers."""
        parent: Any = super()
        choice = NextToken.of(logits_processor, stopping_criteria, generation_config)
        watched = synced_gpus or streamer is not None or generation_config.return_dict_in_generate
        usual = choice is not None and not watched and model_kwargs.get("use_cache")
        known = usual and choice is not None and 0 <= choice.padding < self.config.vocab_size
        if not known or _records(model_kwargs.get("past_key_values")) or not self._is_as_made():
            return parent._sample(
                input_ids,
                logits_processor,
                stopping_criteria,
                generation_config,
                synced_gpus=synced_gpus,
                streamer=streamer,
                **model_kwargs,
            )
        me: Any = self
        assert choice is not None
        outputs = me._prefill(input_ids, generation_config, model_kwargs)
        logits = outputs.logits[:, -1].contiguous()
        steps = choice.length - input_ids.shape[1]
        tokens = self._generate(outputs.past_key_values, logits, choice, steps)
        return torch.cat([input_ids, tokens], dim=1)

    def _is_as_made(self) -> bool:
        """Whether the kernel computes what a call of this model does."""
        if self.training or torch.is_autocast_enabled("cpu") or self.mixture is not None:
            return False
        if type(self.lm_head) is not nn.Linear:
            return False
        layers, embeddings = self.model.layers, self.model.embed_tokens
        around = [self.lm_head, *self._projections()]
        linear = [*around, *(part for layer in layers for part in layer.children())]
        weights = [embeddings.weight, *layers.parameters()]
        weights += [weight for module in around for weight in module.parameters()]
        cells = {_cell(layer) for layer in layers}
        return (
            len(cells) == 1
            and None not in cells
            and type(embeddings) is WordEmbedding
            and len(embeddings.weight) == len(self.lm_head.weight) == self.config.vocab_size
            and all(projection.bias is None for projection in self._projections())
            and all(type(module) is nn.Linear for module in linear)
            and readable(*linear)
            and all(_is_untouched(module) for module in (self, *self.model.modules()))
            and all(_is_simple(weight) for weight in weights)
            and kernel_function("generation_kernel", "generate", weights[0], 1) is not None
        )

    def _projections(self) -> list[Any]:
        """What is between the last layer and the output matrix, if anything."""
        projection = self.output_projection
        return [] if type(projection) is nn.Identity else [projection]

    def _generate(self, cache: Cache, logits: Tensor, choice: NextToken, steps: int) -> Tensor:
        """Choose tokens, the first of them by the logits, and leave the cache at the last but one.

        Shape:
            logits: (batch, vocab_size); result: (batch, at most steps).
        """
        layers: Any = cache.layers
        states = [tuple(x.contiguous().clone() for x in layer.state) for layer in layers]
        chosen = list(self._blocks(states, logits, choice, steps))
        tokens = torch.cat(chosen)  # (steps made, batch)
        for layer, state in zip(layers, states, strict=True):
            layer.update(tuple(x.unsqueeze(1) for x in state), length=len(tokens) - 1)
        return tokens.t()

    def _blocks(
        self, states: list[tuple[Tensor, ...]], logits: Tensor, choice: NextToken, steps: int
    ) -> Iterator[Tensor]:
        """Blocks of tokens, as many as random numbers are drawn at once; the states change.

        Shape:
            logits: (batch, vocab_size); results: (steps of the block, batch).
        """
        batch, vocabulary = logits.shape
        finished = torch.zeros(batch, dtype=torch.uint8)
        made = torch.zeros(1, dtype=torch.int64)
        first, last = self.model.layers[0], self.lm_head
        arguments = self._addresses(states)
        sizes = (batch, first.input_size, first.hidden_size, last.in_features, vocabulary)
        run = kernel_function("generation_kernel", "generate", logits, 1)
        assert run is not None
        longest = max(1, _DRAWN_AT_ONCE // logits.numel())
        while steps > 0:
            block = min(steps, longest)
            steps -= block
            before = torch.get_rng_state()
            q = _drawn(block, logits) if choice.draws else None
            tokens = torch.empty(block, batch, dtype=torch.int64)
            run(
                *(*arguments, choice.suppressed, choice.ends, choice.settings, q, logits, tokens),
                *(finished, made, _cell(first) or 0, len(states), *sizes, block),
                *(len(choice.suppressed), len(choice.ends), choice.top_k, choice.least_kept),
                *(choice.padding, int(steps == 0)),
            )
            if made < 0:  # as torch.multinomial
                raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0")
            yield tokens[: int(made)]
            if made < block or (len(choice.ends) and finished.all()):
                if q is not None:  # the generator is left as if no more had been drawn
                    torch.set_rng_state(before)
                    _drawn(int(made), logits)
                return

    def _addresses(self, states: list[tuple[Tensor, ...]]) -> tuple[Tensor, Tensor]:
        """Where the weights and the states are, in the order of the kernel.

        Shape:
            (layers, parts) and (parts,)
        """
        layers = []
        for layer, state in zip(self.model.layers, states, strict=True):
            W, U = layer.input_projection, layer.recurrent_projection
            cell = state[1] if len(state) > 1 else None
            layers.append([_address(x) for x in (W.weight, W.bias, U.weight, U.bias)])
            layers[-1] += [_address(state[0]), _address(cell)]
        projection = next((p.weight for p in self._projections()), None)
        embeddings, head = self.model.embed_tokens.weight, self.lm_head
        around = [_address(x) for x in (embeddings, projection, head.weight, head.bias)]
        return torch.tensor(layers), torch.tensor(around)


def _records(cache: Cache | None) -> bool:
    """Whether a cache keeps more than the last state: that after every token, to go back."""
    layers: Any = [] if cache is None else cache.layers
    return any(not isinstance(x, RecurrentStateLayer) or x.record_past for x in layers)


def _cell(layer: nn.Module) -> int | None:
    """The cell of the kernel for a layer; `None` if it has none."""
    if getattr(layer, "backend", None) == "torch" or getattr(layer, "cell", None) is not None:
        return None
    kind: Any = type(layer)
    settings = vars(layer)
    return _CELLS.get((kind, settings.get("activation", settings.get("capped_input_gate"))))


def _is_untouched(module: nn.Module) -> bool:
    """Whether a call of a module runs the `forward` of its class, and nobody sees it."""
    return is_as_made(module, {type(module): type(module).forward})


def _is_simple(x: Tensor) -> bool:
    """Whether a kernel can read a tensor."""
    return is_plain(x) and x.dtype == torch.float32 and x.is_contiguous()


def _address(x: Tensor | None) -> int:
    return 0 if x is None else x.data_ptr()


def _drawn(steps: int, logits: Tensor) -> Tensor:
    """The random numbers of torch.multinomial for so many tokens.

    Shape:
        logits: (batch, vocab_size); result: (steps, batch, vocab_size).
    """
    q = logits.new_empty(steps, *logits.shape)
    for step in q:
        step.exponential_()
    return q
