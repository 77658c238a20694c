"""Check of what characters and words cost, on the text of cpython-docs."""

import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import PreTrainedTokenizerBase

from ...data.encoding import encode_text
from ...evaluation.count_models import trigram_nll
from ...evaluation.spelling import spelling_bits
from ...models import LSTMConfig, LSTMForCausalLM
from ...tokenization import CharacterTokenizer, WordTokenizer
from .. import characters_and_words as costs
from ..check_result import CheckResult, Row, Table, same
from .references import corpus_text

EMBEDDING, HIDDEN, GATES, STEPS = 64, 128, 4, 64
KNOWN_FROM = 2
"""How often a word must occur in the training text to be in the vocabulary."""


def check() -> CheckResult:
    """Check tokens, parameters and products with tokenizers, models and a counter."""
    train, held_out = corpus_text("train"), corpus_text("validation")
    characters = costs.count_characters(train, held_out)
    words = costs.count_words(train, held_out, KNOWN_FROM)
    by_character = CharacterTokenizer.train(train)
    by_word = WordTokenizer.train(train, min_frequency=KNOWN_FROM)
    bits = [_trigram_bits(tokenizer) for tokenizer in (by_character, by_word)]
    spelled = [
        b + (spelling_bits(held_out, tokenizer) or 0.0) / len(held_out)
        for b, tokenizer in zip(bits, (by_character, by_word), strict=True)
    ]
    title = (
        f"cpython-docs for an LSTM with E = {EMBEDDING}, D = {HIDDEN}, and for a trigram model;"
        f" words with at least {KNOWN_FROM} occurrences"
    )
    by_words = _costs(words)
    table: list[tuple[str | float, ...]] = [
        *((name, cost, by_words[name]) for name, cost in _costs(characters).items()),
        ("trigram: bits per character", *bits),
        ("... with unknown words spelled", *spelled),
    ]
    rows = [
        *_token_rows("characters", characters, by_character),
        *_token_rows("words", words, by_word),
        *_model_rows("characters", characters.vocabulary),
        *_model_rows("words", words.vocabulary),
    ]
    return CheckResult(rows, [Table(title, ("", "characters", "words"), table)])


def _costs(text: costs.TextUnits) -> dict[str, float]:
    """Return a column of the table, by the names of its rows."""
    sizes = (text.vocabulary, EMBEDDING, HIDDEN, GATES)
    products = costs.recurrent_multiply_adds(*sizes)
    return {
        "tokens": text.tokens,
        "vocabulary": text.vocabulary,
        "characters per token": text.characters_per_token,
        "unknown, held-out text": text.unknown_share,
        "parameters": costs.recurrent_parameters(*sizes),
        "multiply-adds per token": products,
        "multiply-adds per character": products / text.characters_per_token,
        f"characters in {STEPS} steps": STEPS * text.characters_per_token,
    }


def _trigram_bits(tokenizer: PreTrainedTokenizerBase) -> float:
    """Return bits per character of the held-out text under a Kneser-Ney trigram of its tokens."""
    held_out = corpus_text("validation")
    train_ids, ids = (encode_text(text, tokenizer) for text in (corpus_text("train"), held_out))
    score = trigram_nll(train_ids, ids, len(tokenizer))
    return costs.bits_per_character(score.nats_per_token, score.tokens, len(held_out))


def _token_rows(name: str, text: costs.TextUnits, tokenizer: PreTrainedTokenizerBase) -> list[Row]:
    """Compare the counts with those of the package's tokenizers."""
    ids, held_out = (
        encode_text(corpus_text(split), tokenizer) for split in ("train", "validation")
    )
    unknown = (held_out == tokenizer.unk_token_id).mean().item()
    return [
        same(f"{name}: tokens", text.tokens, len(ids)),
        same(f"{name}: vocabulary", text.vocabulary, len(tokenizer)),
        same(f"{name}: unknown in the held-out text", text.unknown_share, unknown),
    ]


def _model_rows(name: str, vocabulary: int) -> list[Row]:
    """Compare the formulas with the package's LSTM: its parameters and the counted products."""
    config = LSTMConfig(vocab_size=vocabulary, embedding_size=EMBEDDING, hidden_size=HIDDEN)
    model = LSTMForCausalLM(config)
    tokens = 4  # too few for the compiled kernel, whose products are not counted
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        model(torch.zeros(1, tokens, dtype=torch.long))
    products = counter.get_total_flops() / 2 / tokens  # a multiply-add is two operations
    sizes = (vocabulary, EMBEDDING, HIDDEN, GATES)
    return [
        same(f"{name}: parameters", costs.recurrent_parameters(*sizes), model.num_parameters()),
        same(f"{name}: multiply-adds per token", costs.recurrent_multiply_adds(*sizes), products),
    ]
