"""Tiny models with their tokenizers, and their scores on texts."""

from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
)

from hf_lmcourse import (
    BigramMLPConfig,
    BigramMLPForCausalLM,
    LSTMConfig,
    LSTMForCausalLM,
    NGramFNNConfig,
    NGramFNNForCausalLM,
    TransformerConfig,
    TransformerForCausalLM,
)
from hf_lmcourse.text_perplexity.score import TextScore, score_text
from hf_lmcourse.text_perplexity.texts import Text
from hf_lmcourse.tokenization import train_tokenizer

TEXT = "To be, or not to be:\nthat is the question.\n\nWhether 'tis nobler in the mind\n"
WINDOW = 8

CHARACTERS = train_tokenizer("character", TEXT)
WORDS = train_tokenizer("word", TEXT)

KINDS: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "lstm": (LSTMConfig, LSTMForCausalLM, {}),
    "bigram_mlp": (BigramMLPConfig, BigramMLPForCausalLM, {}),
    "ngram_fnn": (NGramFNNConfig, NGramFNNForCausalLM, {"context_size": 3}),
    "transformer": (
        TransformerConfig,
        TransformerForCausalLM,
        {"num_hidden_layers": 1, "num_attention_heads": 2, "max_position_embeddings": WINDOW},
    ),
}


def byte_tokenizer(**special: str) -> PreTrainedTokenizerFast:
    """Bytes as tokens, as GPT-2's tokenizer would have them without merges."""
    entries = [*sorted(pre_tokenizers.ByteLevel.alphabet()), *dict.fromkeys(special.values())]
    vocabulary = {entry: index for index, entry in enumerate(entries)}
    backend = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.post_processor = processors.ByteLevel(trim_offsets=False)
    backend.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=backend, **special)


BYTES = byte_tokenizer(bos_token="<|endoftext|>", eos_token="<|endoftext|>")


def randomize(model: Any, seed: int = 0) -> Any:
    """Float64, and weights large enough to make every token's cost another one."""
    model = model.double().eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.5, generator=generator)
    return model


def tiny(kind: str, tokenizer: PreTrainedTokenizerBase = CHARACTERS, seed: int = 0) -> Any:
    """A random model of the package."""
    config, model, settings = KINDS[kind]
    return randomize(
        model(config(vocab_size=len(tokenizer), hidden_size=8, embedding_size=8, **settings)), seed
    )


def tiny_gpt2(tokenizer: PreTrainedTokenizerBase = BYTES) -> Any:
    """A random GPT-2 with a context of 8 tokens."""
    config = GPT2Config(
        vocab_size=len(tokenizer),
        n_positions=WINDOW,
        n_embd=8,
        n_layer=1,
        n_head=2,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    return randomize(GPT2LMHeadModel(config))


def score(
    model: Any,
    tokenizer: PreTrainedTokenizerBase = CHARACTERS,
    text: str = TEXT,
    name: str = "model",
    title: str = "text",
    **options: Any,
) -> TextScore:
    """Score a model on a text."""
    return score_text(model, tokenizer, Text(title, text), name, **options)
