"""What every family passes in `generate`: each way of decoding gives the tokens it should."""

import logging
import warnings
from typing import Any

import pytest
import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from torch import Tensor
from transformers import PreTrainedTokenizerFast, pipeline
from transformers.utils import logging as transformers_logging

from .families import (
    OUTPUT_LAYERS,
    VOCABULARY,
    Family,
    every_family,
    every_family_and_output_layer,
    left_padded,
    token_ids,
)

NEW_TOKENS = 8
WAYS_OF_DECODING: dict[str, dict[str, Any]] = {
    "greedy": {"do_sample": False},
    "beam": {"do_sample": False, "num_beams": 3},
    "sampling": {"do_sample": True, "temperature": 1.5},
}
every_decoding = pytest.mark.parametrize("decoding", WAYS_OF_DECODING)


def lively(family: Family, seed: int = 0, **changes: Any) -> Any:
    """A model whose greedy choice seldom settles on one token: large weights, smaller biases."""
    model = family.random(seed=seed, std=1.5, **changes)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith("bias"):  # a preference for one token whatever came before
                parameter.mul_(0.2)
    return model


def generate(model: Any, ids: Tensor, **options: Any) -> Tensor:
    """Generate `NEW_TOKENS` tokens greedily by default, from a fixed seed."""
    torch.manual_seed(0)
    options = {"do_sample": False, "max_new_tokens": NEW_TOKENS, **options}
    options.setdefault("attention_mask", torch.ones_like(ids))
    return model.generate(ids, **options)


def without_cache(model: Any, ids: Tensor) -> Tensor:
    """Greedy decoding from the definition: the likeliest token after everything so far."""
    for _ in range(NEW_TOKENS):
        ids = torch.cat([ids, model(ids).logits[:, -1:].argmax(-1)], dim=1)
    return ids


@every_family_and_output_layer
def test_greedy_decoding_takes_the_likeliest_token(family: Family, output_layer: str) -> None:
    different = []
    for seed in range(5):
        model = lively(family, seed, **OUTPUT_LAYERS[output_layer])
        ids = token_ids(8, 5, seed=seed)
        expected = without_cache(model, ids)
        assert torch.equal(generate(model, ids), expected)
        different.append(expected[:, 5:].unique().numel())
    assert max(different) >= 3, "one token over and over would prove little"


@every_family
@every_decoding
def test_decoding_with_a_cache_equals_decoding_without(family: Family, decoding: str) -> None:
    options = WAYS_OF_DECODING[decoding]
    for seed in range(3):
        model, ids = lively(family, seed), token_ids(2, 5, seed=seed)
        cached, recomputed = (generate(model, ids, use_cache=c, **options) for c in (True, False))
        assert torch.equal(cached, recomputed)


@every_family
@pytest.mark.parametrize("decoding", ["greedy", "beam"])
@pytest.mark.parametrize("use_cache", [True, False])
def test_a_padded_batch_equals_its_rows_one_by_one(
    family: Family, decoding: str, use_cache: bool
) -> None:
    model, options = lively(family), {"use_cache": use_cache, **WAYS_OF_DECODING[decoding]}
    rows = [token_ids(1, length, seed=length)[0] for length in (2, 6, 4)]
    ids, mask = left_padded(rows)
    batch = generate(model, ids, attention_mask=mask, **options)
    for index, row in enumerate(rows):
        alone = generate(model, row[None], **options)[0]
        assert torch.equal(batch[index, -NEW_TOKENS:], alone[-NEW_TOKENS:])


@every_family
@pytest.mark.parametrize("padded", [False, True])
def test_a_static_cache_equals_a_dynamic_one(family: Family, padded: bool) -> None:
    model = lively(family)
    rows = [token_ids(1, length, seed=length)[0] for length in ((2, 6) if padded else (6, 6))]
    ids, mask = left_padded(rows)
    static, dynamic = (
        generate(model, ids, attention_mask=mask, cache_implementation=implementation)
        for implementation in ("static", "dynamic")
    )
    assert torch.equal(static, dynamic)


@every_family
@pytest.mark.parametrize("seed", range(3))
def test_assisted_decoding_equals_greedy_decoding(family: Family, seed: int) -> None:
    model, ids = lively(family, seed), token_ids(1, 5, seed=seed)
    assistant = lively(family, 9, hidden_size=8)
    assert torch.equal(generate(model, ids, assistant_model=assistant), generate(model, ids))
    assert torch.equal(generate(model, ids, assistant_model=model), generate(model, ids))


@every_family
@pytest.mark.parametrize("seed", range(3))
def test_prompt_lookup_equals_greedy_decoding(family: Family, seed: int) -> None:
    model = lively(family, seed)
    ids = generate(model, token_ids(1, 4, seed=seed).repeat(1, 3))
    assert torch.equal(generate(model, ids, prompt_lookup_num_tokens=3), generate(model, ids))


@every_family
def test_generation_continues_from_a_returned_cache(family: Family) -> None:
    model, ids = lively(family), token_ids(2, 5)
    first: Any = generate(model, ids, max_new_tokens=4, return_dict_in_generate=True)
    assert first.past_key_values.get_seq_length() == first.sequences.shape[1] - 1
    rest = generate(
        model,
        first.sequences,
        past_key_values=first.past_key_values,
        max_new_tokens=NEW_TOKENS - 4,
    )
    assert torch.equal(rest, generate(model, ids))


@every_family
def test_a_prompt_of_embeddings_equals_one_of_ids(family: Family) -> None:
    model, ids = lively(family), token_ids(2, 5)
    embeddings = model.get_input_embeddings()(ids)
    options = {"attention_mask": torch.ones_like(ids), "do_sample": False}
    new = model.generate(inputs_embeds=embeddings, max_new_tokens=NEW_TOKENS, **options)
    assert torch.equal(new, generate(model, ids)[:, 5:])


@every_family
def test_a_prompt_read_in_pieces_equals_one_read_at_once(family: Family) -> None:
    model, ids = lively(family), token_ids(2, 9)
    assert torch.equal(generate(model, ids, prefill_chunk_size=4), generate(model, ids))


@every_family
def test_generation_stops_at_the_end_token(family: Family) -> None:
    model, ids = lively(family), token_ids(2, 5)
    free = generate(model, ids)[:, 5:]
    end = free[0, 2].item()
    stopped = generate(model, ids, eos_token_id=end, pad_token_id=0)[:, 5:]
    for row, expected in zip(stopped.tolist(), free.tolist(), strict=True):
        kept = expected[: expected.index(end) + 1] if end in expected else expected
        assert row == (kept + [0] * NEW_TOKENS)[: stopped.shape[1]]


def character_tokenizer() -> PreTrainedTokenizerFast:
    """A tokenizer with one token a character and exactly `VOCABULARY` tokens."""
    characters = ["<pad>", "<unk>", *"abcdefgh "]
    assert len(characters) == VOCABULARY
    vocabulary = {character: index for index, character in enumerate(characters)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(""), "isolated")
    tokenizer.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", unk_token="<unk>", padding_side="left"
    )


@every_family
def test_the_pipeline_generates_without_a_warning(family: Family) -> None:
    model = lively(family, pad_token_id=0).float()
    records: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = records.append  # type: ignore[method-assign,assignment]
    transformers_logging.get_logger().addHandler(handler)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            generator = pipeline(
                "text-generation", model=model, tokenizer=character_tokenizer(), device="cpu"
            )
            prompts = ["abc abc", "hello"]
            texts = generator(prompts, max_new_tokens=4, do_sample=False, batch_size=2)
    finally:
        transformers_logging.get_logger().removeHandler(handler)
    assert [r.getMessage() for r in records if r.levelno >= logging.WARNING] == []
    generated = [text[0]["generated_text"] for text in texts]
    assert generated[0].startswith("abc abc")
    alone = generator("hello", max_new_tokens=4, do_sample=False)
    assert alone[0]["generated_text"] == generated[1]
