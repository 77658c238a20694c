"""Gradients of a tiny model of every family whose weights are shared out by `fully_shard`.

Run as a script, it prints one JSON object a family: the largest difference, relative to the largest
gradient of each parameter, to the gradients of one process with the whole batch, of a forward pass
and of a stream in two pieces; and whether the weights gathered for saving are those before.
"""

import gc
import json
import sys
from typing import Any

import torch
import torch.distributed
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor
from worlds import run_world

import hf_lmcourse as h

PROCESSES, ROWS, LENGTH = 2, 4, 8
SMALL: dict[str, Any] = {"vocab_size": 20, "embedding_size": 6, "hidden_size": 8}
MODELS: dict[str, tuple[Any, Any]] = {
    "char_rnn": (h.CharRNNForCausalLM, h.CharRNNConfig(**SMALL)),
    "lstm": (h.LSTMForCausalLM, h.LSTMConfig(**SMALL, num_hidden_layers=2)),
    "gru": (h.GRUForCausalLM, h.GRUConfig(**SMALL)),
    "ngram_fnn": (h.NGramFNNForCausalLM, h.NGramFNNConfig(**SMALL, context_size=3)),
    "bigram_mlp": (h.BigramMLPForCausalLM, h.BigramMLPConfig(**SMALL)),
    "transformer": (
        h.TransformerForCausalLM,
        h.TransformerConfig(
            vocab_size=20, hidden_size=8, num_attention_heads=2, max_position_embeddings=LENGTH
        ),
    ),
    "tied": (
        h.LSTMForCausalLM,
        h.LSTMConfig(vocab_size=20, hidden_size=8, output_layer="tied"),
    ),
    "dan": (h.DANForSequenceClassification, h.DANConfig(**SMALL)),
}


def loss(model: nn.Module, ids: Tensor, name: str) -> Tensor:
    """Of a batch; with a state from its first half if the model carries one."""
    if name == "dan":
        return model(ids, labels=ids[:, 0] % 2).loss
    if not getattr(model, "carries_state", False):
        return model(ids, labels=ids).loss
    first, second = ids.chunk(2, dim=1)
    past = model(first, use_cache=True).past_key_values
    return model(second, labels=second, past_key_values=past).loss


def difference(name: str) -> dict[str, Any]:
    """Compare, in a process of a group."""
    rank = torch.distributed.get_rank()
    make, config = MODELS[name]
    ids = torch.randint(2, 20, (ROWS, LENGTH), generator=torch.Generator().manual_seed(1))
    torch.manual_seed(0)
    whole = make(config).eval()
    torch.manual_seed(0)
    shared = make(config).eval()
    fully_shard(shared, mesh=init_device_mesh("cpu", (PROCESSES,)))
    assert all(isinstance(parameter, DTensor) for parameter in shared.parameters())

    loss(whole, ids, name).backward()
    loss(shared, ids.chunk(PROCESSES)[rank], name).backward()
    worst = 0.0
    for ours, theirs in zip(shared.parameters(), whole.parameters(), strict=True):
        gradient: Any = ours.grad
        assert gradient is not None and theirs.grad is not None
        error = (gradient.full_tensor() - theirs.grad).abs().max() / theirs.grad.abs().max()
        worst = max(worst, error.item())
    gathered = get_model_state_dict(shared, options=StateDictOptions(full_state_dict=True))
    saved = whole.state_dict()
    same = all(torch.equal(gathered[key], saved[key]) for key in gathered) if not rank else None
    return {"name": name, "difference": worst, "saved": same}


def work(rank: int) -> int:
    """What each process does."""
    torch.distributed.init_process_group("gloo", rank=rank, world_size=PROCESSES)
    for name in MODELS:
        found = difference(name)
        if rank == 0:
            sys.stdout.write(f"\n{json.dumps(found)}\n")
    torch.distributed.destroy_process_group()
    return 0


if __name__ == "__main__":
    gc.freeze()
    statuses = run_world(PROCESSES, work)
    sys.exit(any(statuses))
