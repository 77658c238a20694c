"""The models as pure functions of tensors, which can be exported as graphs.

A causal language model has two: from a whole text to logits, and from new tokens and a state to
logits and the next state.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers.cache_utils import DynamicCache

from ..layers.sparse_attention import causal
from ..models.causal_lm import LanguageModelForCausalLM
from ..models.dan import DANForSequenceClassification
from ..models.transformer import TransformerForCausalLM
from ..models.transformer.attention_masks import pattern_of

_STATE_NAMES = {0: "h", 1: "c"}
"""The names of the tensors of a state; further ones are numbered."""


@dataclass(frozen=True)
class StatePart:
    """One tensor of the state that a model carries from token to token.

    Attributes:
        name: The layer and the tensor, as in "0.h".
        shape: Without the batch; `None` for a dimension that grows with the text.
    """

    name: str
    shape: tuple[int | None, ...]

    def start(self, batch: int, length: int = 0) -> Tensor:
        """Return the state before the first token: zeros, a growing dimension of `length`."""
        return torch.zeros(batch, *(length if size is None else size for size in self.shape))


@torch.no_grad()
def state_parts(model: LanguageModelForCausalLM) -> list[StatePart]:
    """List the state of a model, in the order in which `StepGraph` takes and returns it.

    A recurrent layer has h, and c if it is an LSTM; an n-gram network the embeddings of its window
    as h, and a bigram network nothing; a Transformer the keys and values of every token before.
    """
    config: Any = model.config
    if isinstance(model, TransformerForCausalLM):
        heads = config.num_attention_heads
        shape = (heads, None, config.hidden_size // heads)
        layers = range(config.num_hidden_layers)
        return [
            StatePart(f"{index}.{part}", shape) for index in layers for part in ("key", "value")
        ]
    token = torch.zeros(1, 1, dtype=torch.long, device=model.device)
    cache = model.model(input_ids=token, use_cache=True).past_key_values
    return [
        StatePart(f"{index}.{_STATE_NAMES.get(number, number)}", tuple(tensor.shape[1:]))
        for index, layer in enumerate(cache.layers)
        for number, tensor in enumerate(layer.state)
        if tensor.shape[-1] > 0
    ]


class SequenceGraph(nn.Module):
    """Map a whole text to the logits of the next token at every position.

    Padding belongs on the right, where no earlier position depends on it.

    Shape:
        input_ids: (batch, length); result: (batch, length, vocab_size).
    """

    def __init__(self, model: LanguageModelForCausalLM) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor) -> Tensor:
        """Return logits, or log-probabilities if the output layer is adaptive."""
        arguments = _attention_arguments(self.model, input_ids, seen=0)
        return self.model(input_ids=input_ids, use_cache=False, **arguments).logits


class StepGraph(nn.Module):
    """Map new tokens and the state before them to their logits and the state after them.

    Shape:
        input_ids: (batch, length); past, present: the batch and `StatePart.shape` each;
        logits: (batch, length, vocab_size).
    """

    def __init__(self, model: LanguageModelForCausalLM) -> None:
        super().__init__()
        self.parts = state_parts(model)
        self.model = model

    def forward(self, input_ids: Tensor, past: tuple[Tensor, ...] = ()) -> tuple[Tensor, ...]:
        """Return logits, and the parts of the state."""
        cache: Any = DynamicCache(config=self.model.config)
        growing = isinstance(self.model, TransformerForCausalLM)
        given = {part.name: tensor for part, tensor in zip(self.parts, past, strict=True)}
        for index, layer in enumerate(cache.layers):
            own = tuple(t for name, t in given.items() if name.startswith(f"{index}."))
            if growing:
                layer.update(*own)
            elif own:
                layer.update(tuple(tensor.unsqueeze(1) for tensor in own), length=1)
        arguments = _attention_arguments(self.model, input_ids, past[0].shape[2] if growing else 0)
        outputs = self.model(
            input_ids=input_ids, past_key_values=cache, use_cache=True, **arguments
        )
        if growing:
            present = [tensor for layer in cache.layers for tensor in (layer.keys, layer.values)]
        else:
            present = [t for layer in cache.layers for t in layer.state if t.shape[-1] > 0]
        return outputs.logits, *present


class ClassifierGraph(nn.Module):
    """Map a padded batch of texts to the logits of the classes.

    Shape:
        input_ids, attention_mask: (texts, length); result: (texts, classes).
    """

    def __init__(self, model: DANForSequenceClassification) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return logits; positions with mask 0 are padding."""
        return self.model(input_ids=input_ids, attention_mask=attention_mask).logits


def _attention_arguments(
    model: LanguageModelForCausalLM, input_ids: Tensor, seen: int
) -> dict[str, Tensor]:
    """Return mask and positions of a Transformer, which do not depend on the values of a tensor."""
    if not isinstance(model, TransformerForCausalLM):
        return {}
    length = input_ids.shape[1]
    key = torch.arange(seen + length, device=input_ids.device)
    query = key[seen:]
    allowed = causal(query[:, None], key)
    pattern = pattern_of(model.config)
    if pattern is not None:
        allowed = allowed & pattern(query[:, None], key)
    return {"attention_mask": allowed[None, None], "position_ids": query[None]}
