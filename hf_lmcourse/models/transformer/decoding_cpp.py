"""A few new tokens through all blocks in C++: see decoding.h of the kernels."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from transformers.cache_utils import Cache

from ...kernels.build import is_plain, kernel_function
from ...kernels.readable_weights import PLAIN, is_as_made
from ...layers.dropout import Dropout
from ...layers.feed_forward import FeedForward
from .configuration_transformer import TransformerConfig
from .decoding_memory import Memory, make_empty, memory_of, takes_cache
from .transformer_block import CausalSelfAttention, TransformerBlock

ACTIVATIONS = ("gelu", "relu", "swiglu")
"""In the order of the kernel."""
_PARTS: dict[str, type[nn.Module]] = {
    "attention_norm": nn.LayerNorm,
    "attention.qkv_proj": nn.Linear,
    "attention.o_proj": nn.Linear,
    "feed_forward_norm": nn.LayerNorm,
    "feed_forward.up_proj": nn.Linear,
    "feed_forward.down_proj": nn.Linear,
    "feed_forward.gate_proj": nn.Linear,
}
"""A weight and a bias each, in the order of the kernel; then the keys and the values."""
_FEW = 16
"""Tokens of a row at most. With many, a product of torch for each map costs less than the sums of
attention, which the kernel computes token by token."""
_PATHS = [path.split(".") for path in _PARTS]
_FORWARDS = PLAIN | {
    kind: kind.forward for kind in (TransformerBlock, CausalSelfAttention, FeedForward, Dropout)
}
"""What the kernel computes: no other class, and none whose `forward` someone has replaced."""


def decode(
    blocks: Iterable[nn.Module],
    config: TransformerConfig,
    hidden: Tensor,
    cache: Cache | None,
    attention_mask: Tensor | None,
    position_ids: Tensor | None,
    rotation: tuple[Tensor, Tensor] | None,
) -> Tensor | None:
    """What the blocks make of a few new tokens a row, on top of a cache, which they add to.

    The blocks do the same in torch. The kernel is for full attention in float32 on a CPU, without
    gradients, and for blocks that are as this package made them: without hooks, with none of their
    parts replaced, and with no setting other than in the config.

    Args:
        blocks: Of the Transformer.
        config: Of the model.
        hidden: Their input.
        cache: Keys and values of the tokens before.
        attention_mask: 0 at padding, over everything seen so far.
        position_ids: As `forward` takes them.
        rotation: Cosines and sines of rotary positions.

    Returns:
        Their output; `None`, with nothing done, if it is left to the blocks.

    Shape:
        hidden, result: (batch, length, hidden_size); attention_mask: (batch, seen + length);
        position_ids: (batch or 1, length); cosines and sines: (batch or 1, 1, length,
        head_size / 2).
    """
    if not _are_few_tokens(hidden):
        return None
    batch, length, size = hidden.shape
    heads = config.num_attention_heads
    layers: Any = cache.layers if cache is not None and takes_cache(cache, config, batch) else []
    run = kernel_function("decoding_kernel", "decode", hidden, size)
    if run is None or not layers or (length > 1 and not config.is_causal):
        return None
    seen = layers[0].get_seq_length()
    if attention_mask is not None and attention_mask.shape != (batch, seen + length):
        return None
    if not seen and attention_mask is None and _are_packed(position_ids):
        return None
    if not are_known(blocks, config):
        return None
    x = hidden.clone(memory_format=torch.contiguous_format)
    cos, sin = (None, None) if rotation is None else (_for_rows(part, batch) for part in rotation)
    if not seen:
        make_empty(layers, hidden.new_empty(batch, heads, 0, size // heads))
    mask = None if attention_mask is None else attention_mask.bool().contiguous()
    epsilon = torch.tensor(config.layer_norm_eps, dtype=torch.float32, device="cpu")
    memories = [memory_of(layer, length) for layer in layers]
    run(
        *(addresses_of(blocks, memories), x, cos, sin, mask, epsilon, len(layers)),
        *(batch * length, length, size, config.intermediate_size, heads, seen),
        ACTIVATIONS.index(config.hidden_act),
    )
    for layer, memory in zip(layers, memories, strict=True):
        layer.keys, layer.values = memory.up_to(seen + length)
    return x


def _are_few_tokens(hidden: Tensor) -> bool:
    """A few tokens, computed now and without gradients, in the precision of the tensor."""
    if torch.is_grad_enabled() or torch.is_autocast_enabled("cpu"):
        return False
    if torch.compiler.is_compiling() or torch.jit.is_tracing() or type(hidden) is not Tensor:
        return False
    return 0 < hidden.shape[1] <= _FEW and hidden.dtype == torch.float32


def _are_packed(position_ids: Tensor | None) -> bool:
    """Whether a row may have several texts: their positions do not go on by 1."""
    if position_ids is None:
        return False
    return position_ids.ndim != 2 or not bool((position_ids.diff() == 1).all())


def _for_rows(part: Tensor, batch: int) -> Tensor:
    """Cosines or sines of each token. Shape: (batch, length, head_size / 2)."""
    return part.float().squeeze(1).expand(batch, -1, -1).contiguous()


def are_known(blocks: Iterable[nn.Module], config: TransformerConfig) -> bool:
    """Whether the kernel computes what these blocks do."""
    if config.attention_pattern != "full" or config._attn_implementation != "sdpa":
        return False
    shapes, settings = _shapes(config), _settings(config)
    known = [_is_known(block, shapes, settings) for block in blocks]
    return all(known) and len(known) == config.num_hidden_layers


def addresses_of(blocks: Iterable[nn.Module], memories: list[Memory]) -> Tensor:
    """Where the parameters and the keys and values of known blocks are. Shape: (blocks, parts)."""
    table = []
    for block, memory in zip(blocks, memories, strict=True):
        row: list[int] = []
        for layer in _layers_of(block):
            own = (None, None) if layer is None else (layer.weight, layer.bias)
            row += [0 if x is None else x.data_ptr() for x in own]
        table.append([*row, memory.keys.data_ptr(), memory.values.data_ptr(), memory.room])
    return torch.tensor(table, dtype=torch.int64, device="cpu")


def _layers_of(block: Any) -> list[Any]:
    """What the kernel reads of a block, in the order of `_PARTS`; `None` for a missing one."""
    layers = []
    for path in _PATHS:
        layer = block
        for name in path:
            layer = layer._modules.get(name)
        layers.append(layer)
    return layers


def _is_known(block: Any, shapes: list[tuple[int, ...]], settings: tuple[object, ...]) -> bool:
    """Whether a block is as this package made it.

    Args:
        block: Of the Transformer.
        shapes: `_shapes` of the config.
        settings: `_settings` of the config.
    """
    if not is_as_made(block, _FORWARDS):
        return False
    for name in ("attention", "feed_forward"):
        if not is_as_made(block._modules.get(name), _FORWARDS):
            return False
    for layer, name, shape in zip(_layers_of(block), _PARTS, shapes, strict=True):
        if layer is None and name == "feed_forward.gate_proj":
            continue
        if type(layer) is not _PARTS[name] or not is_as_made(layer, _FORWARDS):
            return False
        weight, bias = layer._parameters["weight"], layer._parameters["bias"]
        if not _is_readable(weight, shape) or not _is_readable(bias, shape[:1]):
            return False
    return _settings_of(block) == settings


def _shapes(config: TransformerConfig) -> list[tuple[int, ...]]:
    """The shapes of the weights, in the order of `_PARTS`."""
    size, inner = config.hidden_size, config.intermediate_size or 0
    one, square = (size,), (size, size)
    return [one, (3 * size, size), square, one, (inner, size), (size, inner), (inner, size)]


def _settings(config: TransformerConfig) -> tuple[object, ...]:
    """What the kernel reads in the config, as `_settings_of` a block, and no dropout."""
    epsilon, heads = config.layer_norm_eps, config.num_attention_heads
    scale = (config.hidden_size // heads) ** -0.5
    return epsilon, epsilon, heads, scale, config.hidden_act, False, False, True


def _settings_of(block: Any) -> tuple[object, ...]:
    parts = block._modules
    attention, dropout = parts["attention"], parts["dropout"]
    return (
        parts["attention_norm"].eps,
        parts["feed_forward_norm"].eps,
        attention.num_heads,
        attention.scaling,
        parts["feed_forward"].activation,
        attention.training,
        dropout.training,
        is_as_made(dropout, _FORWARDS),
    )


def _is_readable(x: Tensor | None, shape: tuple[int, ...]) -> bool:
    if x is None or x.shape != shape or x.dtype != torch.float32:
        return False
    return is_plain(x) and x.is_contiguous()
