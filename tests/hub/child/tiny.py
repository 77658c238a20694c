"""A tiny model of every family, the same in every process, and the bytes of its logits."""

import hashlib
from typing import Any

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

TEXTS = ("the cat sat on the mat\n", "a dog\n")
FAMILIES = ("bigram_mlp", "ngram_fnn", "char_rnn", "lstm", "gru", "transformer", "dan")

_LAYERS = {"embedding_size": 12, "hidden_size": 16, "num_hidden_layers": 2}
_SETTINGS: dict[str, dict[str, Any]] = {
    "bigram_mlp": {"embedding_size": 12, "hidden_size": 16},
    "ngram_fnn": {**_LAYERS, "context_size": 3},
    "transformer": {
        **_LAYERS,
        "num_attention_heads": 2,
        "max_position_embeddings": 24,
        "position_embedding_type": "rotary",
        "attention_pattern": "log_sparse",
    },
    "lstm": {**_LAYERS, "output_layer": "adaptive", "adaptive_cutoffs": [5, 9]},
    "gru": {**_LAYERS, "output_layer": "tied"},
    "dan": {**_LAYERS, "ngram_buckets": 32, "num_labels": 2},
}


def tiny(family: str) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """An untrained model with random weights and biases, and its tokenizer."""
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSequenceClassification

    from hf_lmcourse.tokenization import train_tokenizer

    kind = "word_punctuation" if family == "dan" else "character"
    tokenizer = train_tokenizer(kind, list(TEXTS) if family == "dan" else "".join(TEXTS))
    config = AutoConfig.for_model(
        f"lmcourse_{family}",
        vocab_size=len(tokenizer),
        pad_token_id=tokenizer.pad_token_id,
        **_SETTINGS.get(family, _LAYERS),
    )
    auto = AutoModelForSequenceClassification if family == "dan" else AutoModelForCausalLM
    torch.manual_seed(0)
    model = auto.from_config(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.5)
    return model, tokenizer


def fingerprint(model: Any, tokenizer: Any) -> str:
    """Of the logits of the texts, to the last bit."""
    with torch.no_grad():
        logits = [model(**tokenizer(text, return_tensors="pt")).logits for text in TEXTS]
    content = b"".join(found.contiguous().numpy().tobytes() for found in logits)
    return hashlib.sha256(content).hexdigest()
