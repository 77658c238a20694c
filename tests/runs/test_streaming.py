"""A run on streamed shards is the run on the same shards tokenized to disk, and resumes as it."""

import gzip
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from hf_lmcourse import LmcourseError
from hf_lmcourse.data.content_hash import tokenizer_hash
from hf_lmcourse.data.corpora import load_corpus
from hf_lmcourse.data.shards import Shard
from hf_lmcourse.runs.settings import read_settings
from hf_lmcourse.runs.start import prepare_run
from hf_lmcourse.runs.streaming import vocabulary_text
from hf_lmcourse.training.arguments import DataArguments

SETTINGS = """\
model: {model_type: lmcourse_lstm, embedding_size: 6, hidden_size: 8}
data: {block_length: 8}
training:
  per_device_train_batch_size: 4
  learning_rate: 1e-2
  max_steps: 14
  save_strategy: steps
  save_steps: 4
  save_total_limit: 9
  eval_strategy: "no"
  sample_length: 0
  disable_tqdm: true
  use_cpu: true
"""
LINES = [f"{n * n} of the text\n" for n in range(36)]
"""A text of 16 steps per epoch."""


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Shards of text, of gzip and of a table."""
    monkeypatch.setenv("LMCOURSE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "run.yaml").write_text(SETTINGS)
    folder = tmp_path / "shards"
    folder.mkdir()
    (folder / "train-0.txt").write_text("".join(LINES[:2]))
    (folder / "train-1.txt.gz").write_bytes(gzip.compress("".join(LINES[2:11]).encode()))
    parquet.write_table(
        pa.table({"text": [line[:-1] for line in LINES[11:]]}), folder / "train-2.parquet"
    )
    (folder / "validation.txt").write_text("some text\n" * 9)
    return folder


def prepared(corpus: Path, name: str, *words: str) -> Any:
    place = ["--corpus", str(corpus), "--output_dir", str(corpus.with_name(name))]
    settings = read_settings([str(corpus.with_name("run.yaml")), *place, *words])
    return prepare_run(settings, ["lmcourse"])


def trained(corpus: Path, name: str, *words: str) -> bytes:
    """The weights after the training."""
    run = prepared(corpus, name, *words)
    run.train()
    run.save_model()
    return (run.folder / "model.safetensors").read_bytes()


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--tokenizer", "word", "--random_offset"],
        ["--random_block_length", "--block_length", "10"],
        ["--gradient_accumulation_steps", "2", "--weight_averaging", "ema"],
        ["--dataloader_num_workers", "1", "--max_steps", "4"],
    ],
)
def test_the_weights_are_those_of_the_run_on_the_tokenized_text(
    words: list[str], corpus: Path
) -> None:
    local = trained(corpus, "local", *words)
    assert trained(corpus, "streamed", "--streaming", *words) == local


def checkpoint_of(corpus: Path, name: str, step: int) -> Path:
    return corpus.with_name(name) / "checkpoints" / f"checkpoint-{step}"


@pytest.mark.parametrize(("step", "last"), [(8, 12), (12, 20), (20, 21)])
def test_a_streamed_run_resumes_bit_for_bit(step: int, last: int, corpus: Path) -> None:
    words = ["--streaming", "--output_dropout", "0.2", "--max_steps", str(last)]
    whole = trained(corpus, "whole", *words)
    checkpoint = str(checkpoint_of(corpus, "whole", step))
    resumed = trained(corpus, "resumed", *words, "--resume_from_checkpoint", checkpoint)
    assert resumed == whole


def opened_from_now_on(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the shards that are opened."""
    opened, pieces = list[str](), Shard.pieces

    def recorded(shard: Shard) -> Any:
        opened.append(Path(shard.name).name)
        return pieces(shard)

    monkeypatch.setattr(Shard, "pieces", recorded)
    return opened


def test_a_run_that_is_resumed_opens_the_shards_that_it_goes_on_with(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained(corpus, "whole", "--streaming")
    opened = opened_from_now_on(monkeypatch)
    words = ["--resume_from_checkpoint", str(checkpoint_of(corpus, "whole", 12))]
    run = prepared(corpus, "resumed", "--streaming", *words)
    assert set(opened) == {"validation.txt"}
    run.train()
    assert "train-0.txt" not in opened and "train-2.parquet" in opened


@pytest.mark.parametrize("tokenizer", ["character", "word", "digit_pattern"])
def test_the_vocabulary_of_the_same_shards_is_made_once(
    tokenizer: str, corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["--streaming", "--tokenizer", tokenizer]
    first = prepared(corpus, "first", *words).tokenizer
    opened = opened_from_now_on(monkeypatch)
    again = prepared(corpus, "again", *words).tokenizer
    assert "train-0.txt" not in opened and tokenizer_hash(again) == tokenizer_hash(first)
    (damaged,) = (corpus.parent / "cache").glob("*.tokenizer")
    (damaged / "tokenizer.json").write_text("{")
    repaired = prepared(corpus, "repaired", *words).tokenizer
    assert "train-0.txt" in opened and tokenizer_hash(repaired) == tokenizer_hash(first)
    (corpus / "train-0.txt").write_text("other \N{SNOWMAN}\n")
    other = prepared(corpus, "other", *words).tokenizer
    assert tokenizer_hash(other) != tokenizer_hash(first)


def test_other_shards_are_another_training_text(corpus: Path) -> None:
    trained(corpus, "whole", "--streaming")
    (corpus / "train-0.txt").write_text(LINES[0] + LINES[2])
    words = ["--resume_from_checkpoint", str(checkpoint_of(corpus, "whole", 8))]
    with pytest.raises(LmcourseError, match="another training text"):
        prepared(corpus, "resumed", "--streaming", *words)


def test_a_shard_that_is_damaged_ends_the_run_before_its_first_step(corpus: Path) -> None:
    (corpus / "train-1.txt.gz").write_bytes(b"\x1f\x8b and no more")
    with pytest.raises(LmcourseError, match=r"train-1\.txt\.gz"):
        prepared(corpus, "run", "--streaming")
    assert not corpus.with_name("run").exists()


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["--vocabulary_sample", "9"], "streaming"),
        (["--streaming", "--vocabulary_sample", "0"], "at least 1"),
        (["--streaming", "--hold_out", "a.txt"], "hold_out"),
        (["--streaming", "--vectors", "a.txt"], "vectors"),
        (["--streaming", "--batches", "bigrams"], "batches"),
        (["--streaming", "--corpus", "cpython-docs"], "cpython-docs has no shards"),
        (
            ["--streaming", "--model_type", "transformer", "--max_position_embeddings", "8"],
            "lmcourse_transformer reads windows",
        ),
    ],
)
def test_what_a_streamed_text_cannot_do_is_refused(
    words: list[str], what: str, corpus: Path
) -> None:
    if "--hold_out" in words:
        (corpus.parent / "a.txt").write_text(LINES[0])
        words = [word.replace("a.txt", str(corpus.parent / "a.txt")) for word in words]
    with pytest.raises(LmcourseError, match=what) as caught:
        prepared(corpus, "run", *words)
    assert len(str(caught.value)) < 300


def test_a_sample_has_whole_lines_of_the_start_of_each_shard(corpus: Path) -> None:
    loaded = load_corpus(str(corpus))
    data = DataArguments(streaming=True, vocabulary_sample=60)
    assert "".join(vocabulary_text(data, loaded)) == "".join(LINES[n] for n in (0, 1, 2, 3, 11, 12))
    data.vocabulary_sample = 10**6
    assert "".join(vocabulary_text(data, loaded)) == "".join(LINES)


def test_words_that_a_sample_lacks_are_unknown(corpus: Path) -> None:
    run = prepared(corpus, "run", "--streaming", "--tokenizer", "word", "--vocabulary_sample", "9")
    assert run.splits["train"].unknown > 0
    assert "400" not in run.tokenizer.get_vocab()
