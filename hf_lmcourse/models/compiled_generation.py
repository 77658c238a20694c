"""`generate` in one compiled call for many tokens: what all families share, as generation.h."""

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from transformers import GenerationMixin

from ..kernels.build import is_plain, kernel_function
from ..kernels.readable_weights import is_as_made, readable
from .embeddings import WordEmbedding
from .next_token import NextToken

Run = Callable[[Tensor, int], None]
"""A kernel: it takes a `_request`, and how many tokens were chosen before since the prompt."""

_ARGUMENTS = {"attention_mask", "inputs_embeds", "logits_to_keep", "past_key_values"}
_ARGUMENTS |= {"position_ids", "use_cache"}
"""Of `forward`, as `generate` passes them, and their meaning is known."""
_DRAWN_AT_ONCE = 1 << 20
"""Random numbers at most, one for each word of each token."""


class CompiledGenerationMixin(GenerationMixin):
    """`generate` for a model with a kernel, as fast as its weights can be read.

    Greedy and sampled tokens, with temperature, top_k, top_p, suppressed tokens and tokens that end
    a text, are chosen by a kernel if the model is in float32 on a CPU, in evaluation, and as this
    package made it, without adapters and hooks. The tokens are those of transformers' own loop with
    the same random numbers, which has the rest. The prompt is read by the model's `forward`.

    A family names its kernel in `generation_kernel`, what it computes in `own_methods` and
    `body_methods`, and has `_is_known_body` and `_generate`.
    """

    generation_kernel: ClassVar[str]
    own_methods: ClassVar[dict[str, Any]]
    """Methods of the model, as this package has them, whose work the kernel does."""
    body_methods: ClassVar[dict[str, Any]]
    """Methods of the base model."""

    config: Any
    model: Any
    lm_head: Any
    output_projection: Any
    mixture: Any

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
        me: Any = self
        parent: Any = super()
        choice = NextToken.of(logits_processor, stopping_criteria, generation_config)
        watched = synced_gpus or streamer is not None or generation_config.return_dict_in_generate
        if (
            choice is None
            or watched
            or choice.length <= input_ids.shape[1]
            or not 0 <= choice.padding < self.config.vocab_size
            or not self._takes(input_ids, generation_config, model_kwargs)
            or not self._is_as_made()
        ):
            return parent._sample(
                input_ids,
                logits_processor,
                stopping_criteria,
                generation_config,
                synced_gpus=synced_gpus,
                streamer=streamer,
                **model_kwargs,
            )
        outputs = me._prefill(input_ids, generation_config, model_kwargs)
        return self._generate(input_ids, outputs, choice, model_kwargs)

    def _takes(self, input_ids: Tensor, generation_config: Any, kwargs: dict[str, Any]) -> bool:
        """Whether the kernel goes on from such a prompt.

        Shape:
            input_ids: (batch, length).
        """
        given = {name for name, value in kwargs.items() if value is not None}
        return given <= _ARGUMENTS and bool(kwargs.get("use_cache"))

    def _is_as_made(self) -> bool:
        """Whether the kernel computes what a call of this model does."""
        me: Any = self
        if torch.is_autocast_enabled("cpu") or self.mixture is not None:
            return False
        embeddings, projections = self.model.embed_tokens, self._projections()
        maps = [self.lm_head, *projections]
        return (
            all(type(module) is nn.Linear for module in maps)
            and readable(*maps)
            and type(embeddings) is WordEmbedding
            and embeddings.max_norm is None
            and len(embeddings.weight) == len(self.lm_head.weight) == self.config.vocab_size
            and all(projection.bias is None for projection in projections)
            and all(_is_untouched(module) for module in me.modules())
            and all(_is_simple(weight) for weight in me.parameters())
            and methods(type(self), *self.own_methods) == self.own_methods
            and methods(type(self.model), *self.body_methods) == self.body_methods
            and self._is_known_body()
            and self._kernel(embeddings.weight) is not None
        )

    def _is_known_body(self) -> bool:
        """Whether the kernel computes what the parts of the base model do, all untouched."""
        raise NotImplementedError

    def _projections(self) -> list[Any]:
        """What is between the last layer and the output matrix, if anything."""
        projection = self.output_projection
        return [] if type(projection) is nn.Identity else [projection]

    def _kernel(self, x: Tensor) -> Callable[..., None] | None:
        return kernel_function(self.generation_kernel, "generate", x, 1)

    def _around(self) -> Tensor:
        """Where the weights around the layers are, in the order of the kernels."""
        projection = next((p.weight for p in self._projections()), None)
        embeddings, head = self.model.embed_tokens.weight, self.lm_head
        return addresses([[embeddings, projection, head.weight, head.bias]])

    def _generate(
        self, input_ids: Tensor, outputs: Any, choice: NextToken, model_kwargs: dict[str, Any]
    ) -> Tensor:
        """Go on from a prompt, and leave the cache as transformers' loop does.

        Args:
            input_ids: The prompt.
            outputs: Of the model for it.
            choice: Of the tokens.
            model_kwargs: As in transformers.

        Shape:
            input_ids: (batch, length); result: (batch, at most `choice.length`).
        """
        raise NotImplementedError


def methods(kind: type, *names: str) -> dict[str, Any]:
    """Methods of a class as they are now; somebody may replace them later."""
    return {name: getattr(kind, name, None) for name in names}


def chosen_tokens(
    run: Run, logits: Tensor, choice: NextToken, steps: int, finished: Tensor
) -> Tensor:
    """Tokens, the first of them by the logits.

    Args:
        run: The kernel. It reads every token but the last.
        logits: After the prompt.
        choice: Of the tokens.
        steps: How many at most.
        finished: 1 for a row that has ended, read and written.

    Raises:
        RuntimeError: There are no probabilities to draw by.

    Shape:
        logits: (batch, length, vocab_size); finished: (batch,), uint8; result: (steps made, batch).
    """
    last = logits[:, -1].clone(memory_format=torch.contiguous_format)
    return torch.cat(list(_blocks(run, last, choice, steps, finished)))


def _blocks(
    run: Run, logits: Tensor, choice: NextToken, steps: int, finished: Tensor
) -> Iterator[Tensor]:
    """Blocks of tokens, as many as random numbers are drawn at once.

    Shape:
        logits: (batch, vocab_size); results: (steps of the block, batch).
    """
    made = torch.zeros(1, dtype=torch.int64, device="cpu")
    longest = max(1, _DRAWN_AT_ONCE // logits.numel())
    for before in range(0, steps, longest):
        block = min(steps - before, longest)
        state = torch.get_rng_state()
        q = _drawn(block, logits) if choice.draws else None
        tokens = torch.empty(block, len(logits), dtype=torch.int64, device="cpu")
        is_end = before + block == steps
        run(_request(choice, q, logits, tokens, finished, made, is_end), before)
        if made < 0:  # as torch.multinomial
            raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0")
        yield tokens[: int(made)]
        if made < block or has_ended(choice, finished):
            if q is not None:  # the generator is left as if no more had been drawn
                torch.set_rng_state(state)
                _drawn(int(made), logits)
            return


def has_ended(choice: NextToken, finished: Tensor) -> bool:
    """Whether every row has ended. Shape: (batch,)."""
    return len(choice.ends) > 0 and bool(finished.all())


def _request(
    choice: NextToken,
    q: Tensor | None,
    logits: Tensor,
    tokens: Tensor,
    finished: Tensor,
    made: Tensor,
    is_end: bool,
) -> Tensor:
    """What generation.h calls so."""
    of_choice = (choice.suppressed, choice.ends, choice.settings)
    numbers = [*logits.shape, len(tokens), len(choice.suppressed), len(choice.ends)]
    numbers += [choice.top_k, choice.least_kept, choice.padding, int(is_end)]
    return addresses([[*of_choice, q, logits, tokens, finished, made, *numbers]])[0]


def addresses(table: list[list[Tensor | int | None]]) -> Tensor:
    """Where tensors are, 0 for none, with numbers between them.

    Shape:
        (rows, columns), int64.
    """
    rows = [[x if isinstance(x, int) else _address(x) for x in row] for row in table]
    return torch.tensor(rows, dtype=torch.int64, device="cpu")


def _address(x: Tensor | None) -> int:
    return 0 if x is None else x.data_ptr()


def _is_untouched(module: nn.Module) -> bool:
    """Whether a call runs the `forward` of the class, in evaluation, and nobody sees it."""
    return not module.training and is_as_made(module, {type(module): type(module).forward})


def _is_simple(x: Tensor) -> bool:
    """Whether a kernel can read a tensor."""
    return is_plain(x) and x.dtype == torch.float32 and x.is_contiguous()


def _drawn(steps: int, logits: Tensor) -> Tensor:
    """The random numbers of torch.multinomial for so many tokens.

    Shape:
        logits: (batch, vocab_size); result: (steps, batch, vocab_size).
    """
    q = logits.new_empty(steps, *logits.shape)
    for step in q:
        step.exponential_()
    return q
