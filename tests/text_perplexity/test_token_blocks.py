"""A text of any length has the tokens that it has as a whole, and takes no memory."""

import random
import tracemalloc
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from hf_lmcourse.text_perplexity import encoded_text, score, token_blocks, training_text
from hf_lmcourse.text_perplexity.compare import PerplexityComparison
from hf_lmcourse.text_perplexity.encoded_text import encode_text
from hf_lmcourse.text_perplexity.training_text import TrainingText
from hf_lmcourse.tokenization import pieces, train_tokenizer

from . import scored_models
from .scored_models import BYTES, CHARACTERS, TEXT, WORDS, tiny, tiny_gpt2

WORD_LIST = [*TEXT.split(), "\n", "\n\n", "  ", "1,000", "Māori", "日本", "😀", "<unk>"]


def long_text(words: int = 6_000) -> str:
    rng = random.Random(0)
    return " ".join(rng.choice(WORD_LIST) for _ in range(words))


def merging_tokenizer() -> PreTrainedTokenizerFast:
    """Byte pairs that join spaces and line breaks, as GPT-2's do."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet, show_progress=False)
    backend.train_from_iterator([long_text()], trainer)
    return PreTrainedTokenizerFast(tokenizer_object=backend)


def prefixing_tokenizer() -> PreTrainedTokenizerFast:
    """Pieces that put a space before whatever they are given, as those of Llama do."""
    backend = Tokenizer(models.BPE())
    backend.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    backend.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    trainer = trainers.BpeTrainer(vocab_size=300, show_progress=False)
    backend.train_from_iterator(long_text().split("\n"), trainer)
    return PreTrainedTokenizerFast(tokenizer_object=backend)


TOKENIZERS: dict[str, PreTrainedTokenizerBase] = {
    "character": CHARACTERS,
    "word": WORDS,
    "word_punctuation": train_tokenizer("word_punctuation", TEXT),
    "digit_pattern": train_tokenizer("digit_pattern", TEXT),
    "bytes": BYTES,
    "merging": merging_tokenizer(),
    "prefixing": prefixing_tokenizer(),
}


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that is read in parts is read in small ones."""
    monkeypatch.setattr(pieces, "PIECE", 97)
    monkeypatch.setattr(token_blocks, "STRETCH", 2_000)
    monkeypatch.setattr(token_blocks, "_OVERLAP", 128)
    monkeypatch.setattr(encoded_text, "_DECODED", 64)
    monkeypatch.setattr(score, "_BLOCK", 50)
    monkeypatch.setattr(training_text, "_PART", 150)


def columns(text: str, tokenizer: PreTrainedTokenizerBase) -> tuple[Any, ...]:
    found = encode_text(text, tokenizer)
    return found.ids.tolist(), found.classes.tolist(), found.spans, found.lossless, found.first_end


@pytest.mark.parametrize("name", TOKENIZERS)
@pytest.mark.parametrize("text", [long_text(), long_text().replace("\n", " "), "To be " * 900])
def test_tokens_do_not_depend_on_how_a_text_is_read(
    name: str, text: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    tokenizer = TOKENIZERS[name]
    monkeypatch.setattr(pieces, "PIECE", 1 << 30)
    whole = columns(text, tokenizer)
    expected = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    assert whole[0] == expected["input_ids"]
    assert whole[2] == [tuple(span) for span in expected["offset_mapping"]]
    request.getfixturevalue("small_parts")
    assert columns(text, tokenizer) == whole


@pytest.mark.parametrize("text", ["a" * 9_000, " " * 9_000 + "a", "To be " * 300 + "\t" * 9_000])
def test_a_text_that_cannot_be_cut_is_tokenized_as_a_whole(text: str, small_parts: None) -> None:
    for name in ("bytes", "merging", "prefixing"):
        expected = TOKENIZERS[name](text, add_special_tokens=False)["input_ids"]
        assert encode_text(text, TOKENIZERS[name]).ids.tolist() == expected


@pytest.mark.parametrize("kind", ["lstm", "transformer", "gpt2", "digit_pattern"])
def test_metrics_do_not_depend_on_how_a_text_is_read(
    kind: str, request: pytest.FixtureRequest
) -> None:
    tokenizer = {"gpt2": BYTES, "digit_pattern": TOKENIZERS["digit_pattern"]}.get(kind, CHARACTERS)
    model = (
        tiny_gpt2()
        if kind == "gpt2"
        else tiny("lstm" if kind == "digit_pattern" else kind, tokenizer)
    )
    training = TrainingText("text", long_text(100))
    whole = scored_models.score(model, tokenizer, long_text(200), training_text=training)
    request.getfixturevalue("small_parts")
    found = scored_models.score(model, tokenizer, long_text(200), training_text=training)
    assert found.metrics == pytest.approx(whole.metrics, rel=1e-12)
    assert (found.nats == whole.nats).all()
    for name, part in whole.sums.items():
        assert found.sums[name].tokens == part.tokens
        assert found.sums[name].nats == pytest.approx(part.nats, rel=1e-12)
    assert found.overlap == whole.overlap and whole.overlap is not None
    assert 0 < whole.overlap.windows < 1


@settings(max_examples=30, deadline=None)
@given(st.text("ab \n", min_size=1, max_size=400).filter(str.strip), st.text("ab \n", max_size=300))
def test_overlap_does_not_depend_on_how_a_text_is_read(part: str, text: str) -> None:
    whole = TrainingText("text", text).overlap(part)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training_text, "_PART", 7)
        assert TrainingText("text", text).overlap(lambda: iter(part)) == whole


@pytest.mark.parametrize("name", ["character", "word", "digit_pattern"])
def test_a_long_text_in_one_line_takes_no_memory(name: str) -> None:
    tokenizer, peaks = TOKENIZERS[name], []
    encode_text("to be", tokenizer)
    for parts in (15, 60):
        read = partial(repeat, "to be that " * 400, parts)
        tracemalloc.start()
        encoded = encode_text(read, tokenizer)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        first, tokens = encoded.ids[:10].tolist(), len(encoded.ids)
        encoded.release()
        assert encoded.ids[:10].tolist() == first, "it is read again"
    assert tokens >= 60 * 1_200
    assert peaks[1] < 1.3 * peaks[0]


def test_the_cost_of_each_token_of_a_long_text_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = scored_models.score(tiny("lstm"))
    monkeypatch.setattr(score, "KEPT_TOKENS", len(TEXT) - 1)
    found = scored_models.score(tiny("lstm"))
    assert found.metrics == whole.metrics and found.sums == whole.sums
    with pytest.raises(ValueError, match=f"text has {len(TEXT)} tokens"):
        _ = found.nats


def test_a_long_text_has_no_plot_of_surprisal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(score, "KEPT_TOKENS", len(TEXT) - 1)
    rows = [scored_models.score(tiny("lstm")), scored_models.score(tiny("lstm"), text="to be")]
    about = {"command": "", "seconds": 0, "device": "", "threads": 1, "commit": ""}
    written = PerplexityComparison(rows, "e", [], about).save(tmp_path, surprisal=True)
    assert "surprisal (1 pages and plots; none of 1 rows of more than" in written[-1]
    assert len(list((tmp_path / "surprisal").glob("*.html"))) == 1
