"""Save a tiny model of every family with whatever version of the package is imported.

    python tests/compatibility/save_models.py FOLDER

writes a folder for each family as `save_pretrained` does, and FOLDER/saved.json: the config as it
was written, the names and shapes of the weights, and the logits for some tokens. The weights follow
from their shapes (`weights_of`), so that the JSON alone makes the folders again.
"""

import json
import math
import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

TOKENS = [[1, 4, 2, 8, 5, 7], [3, 1, 4, 1, 5, 9]]
WIDTHS = {"vocab_size": 11, "embedding_size": 6, "hidden_size": 8}
HEADS = {"num_attention_heads": 2, "max_position_embeddings": 12}
MODELS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "bigram_mlp": ("BigramMLP", "ForCausalLM", WIDTHS),
    "char_rnn": ("CharRNN", "ForCausalLM", {**WIDTHS, "num_hidden_layers": 2}),
    "dan": ("DAN", "ForSequenceClassification", {**WIDTHS, "ngram_buckets": 7}),
    "gru": ("GRU", "ForCausalLM", {**WIDTHS, "output_layer": "tied"}),
    "lstm": ("LSTM", "ForCausalLM", {**WIDTHS, "num_softmaxes": 2, "output_dropout": 0.1}),
    "ngram_fnn": ("NGramFNN", "ForCausalLM", {**WIDTHS, "context_size": 3}),
    "transformer": ("Transformer", "ForCausalLM", {**WIDTHS, **HEADS, "num_hidden_layers": 2}),
}


def weights_of(shape: list[int], number: int) -> Tensor:
    """Weights that need no file: a wave over the entries, another one for each tensor."""
    count = math.prod(shape)
    wave = torch.sin(torch.arange(count, dtype=torch.float64) * (0.7 + 0.1 * number) + number)
    return (0.5 * wave).float().view(shape)


def save_models(folder: Path) -> dict[str, Any]:
    """Save one model of each family below a folder; return what saved.json holds."""
    import hf_lmcourse

    saved: dict[str, Any] = {"version": hf_lmcourse.__version__}
    for name, (prefix, head, settings) in MODELS.items():
        config = getattr(hf_lmcourse, f"{prefix}Config")(**settings)
        model = getattr(hf_lmcourse, prefix + head)(config).eval()
        with torch.no_grad():
            for number, parameter in enumerate(model.parameters()):
                parameter.copy_(weights_of(list(parameter.shape), number))
            logits = model(torch.tensor(TOKENS)).logits
        model.save_pretrained(folder / name)
        saved[name] = {
            "config": json.loads((folder / name / "config.json").read_text(encoding="utf-8")),
            "parameters": {key: list(p.shape) for key, p in model.named_parameters()},
            "buffers": {key: list(b.shape) for key, b in model.named_buffers()},
            "logits": [round(x, 6) for x in logits.flatten().tolist()],
        }
    return saved


if __name__ == "__main__":
    target = Path(sys.argv[1])
    content = save_models(target)
    (target / "saved.json").write_text(json.dumps(content) + "\n", encoding="utf-8")
