"""The keys and values that the kernels of the Transformer read, and add to in place."""

from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import Cache, DynamicCache, DynamicLayer

from ...kernels.build import is_plain
from .configuration_transformer import TransformerConfig


def takes_cache(cache: Cache, config: TransformerConfig, batch: int) -> bool:
    """Whether it is the usual cache of a model, empty or with keys and values for the kernel."""
    layers: Any = cache.layers
    if type(cache) is not DynamicCache or any(type(layer) is not DynamicLayer for layer in layers):
        return False
    if cache.offloading or len(layers) != config.num_hidden_layers:
        return False
    seen = cache.get_seq_length()
    if not seen:
        return not any(layer.get_seq_length() for layer in layers)
    heads = config.num_attention_heads
    shape = (batch, heads, seen, config.hidden_size // heads)
    return all(_holds(layer, shape) for layer in layers)


def _holds(layer: Any, shape: tuple[int, ...]) -> bool:
    """Whether the keys and values of a layer of a cache are as the kernel takes them."""
    pair = layer.keys, layer.values
    return all(x.shape == shape and is_plain(x) and x.dtype == torch.float32 for x in pair)


def make_empty(layers: list[Any], keys: Tensor) -> None:
    """Let the layers of a cache without tokens have keys and values. Shape as of `Memory`."""
    for layer in layers:
        layer.lazy_initialization(keys, keys)
        layer.keys = layer.values = keys


class Memory:
    """The keys and values of a layer of a cache, with room for more behind them.

    A cache of transformers joins old and new to a new tensor at every token. Here they stay where
    they are, and move to twice the room, or to as much as is wanted, when it is full.

    Shape:
        keys, values: (batch, heads, room, head_size).
    """

    def __init__(self, keys: Tensor, values: Tensor, tokens: int) -> None:
        batch, heads, seen, size = keys.shape
        self.room = max(2 * (seen + 1), seen + tokens)
        self.keys, self.values = keys.new_empty(2, batch, heads, self.room, size)
        self.views = self.up_to(seen)
        self.views[0].copy_(keys)
        self.views[1].copy_(values)

    def up_to(self, length: int) -> tuple[Tensor, Tensor]:
        """What a layer keeps of it from now on."""
        self.views = self.keys[:, :, :length], self.values[:, :, :length]
        return self.views


def memory_of(layer: Any, tokens: int) -> Memory:
    """The memory that a layer's tensors are in, with room for more tokens.

    Tensors that are not the last views of it were put there by someone else, or cut, or belong to a
    copy of the layer: they are copied, and what lies behind them is not written to.
    """
    memory: Memory | None = getattr(layer, "memory", None)
    if memory is None or memory.views[0] is not layer.keys or memory.views[1] is not layer.values:
        memory = None
    if memory is None or memory.room < layer.keys.shape[2] + tokens:
        memory = layer.memory = Memory(layer.keys, layer.values, tokens)
    return memory
