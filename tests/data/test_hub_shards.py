"""Data sets of the Hub, which `datasets` streams shard by shard; here from a folder."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pytest
from pyarrow import parquet

from hf_lmcourse import LmcourseError
from hf_lmcourse.data import load_corpus
from hf_lmcourse.data.corpus import Corpus
from hf_lmcourse.data.encoding import encode_split
from hf_lmcourse.data.token_count_pass import stream_split
from hf_lmcourse.tokenization import train_tokenizer

ADDRESS = "hf://datasets/owner/texts"
ROWS = [[f"shard {shard}, row {row}" for row in range(1_100)] for shard in range(3)]


def table(path: Path, rows: list[Any], column: str = "text") -> None:
    path.parent.mkdir(exist_ok=True)
    parquet.write_table(pa.table({"id": range(len(rows)), column: rows}), path)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the data set owner/texts, and whichever else is asked for."""
    load: Callable[..., Any] = datasets.load_dataset_builder
    folder = tmp_path / "hub"
    for number, rows in enumerate(ROWS):
        table(folder / f"train-{number:05}-of-00003.parquet", rows)
    monkeypatch.delenv("LMCOURSE_DATA", raising=False)
    monkeypatch.setattr(
        datasets,
        "load_dataset_builder",
        lambda repository, config, revision: load(str(folder), config),
    )
    return folder


def lines(*shards: list[str]) -> str:
    return "".join(f"{row}\n" for shard in shards for row in shard)


def tokens(corpus: Corpus, folder: Path) -> int:
    tokenizer = train_tokenizer("character", "shard 1")
    return len(stream_split(corpus, "train", tokenizer, folder).tokens)


def one_sentence(caught: pytest.ExceptionInfo[LmcourseError]) -> str:
    message = str(caught.value)
    assert "\n" not in message and len(message) < 300
    return message


def test_without_a_validation_split_the_last_shard_is_for_validation(hub: Path) -> None:
    corpus = load_corpus(ADDRESS)
    assert (corpus.name, corpus.source) == ("texts", "Hub owner/texts")
    assert corpus.splits == ("train", "validation")
    assert corpus.text("train") == lines(*ROWS[:2])
    assert corpus.text("validation") == lines(ROWS[2])


def test_splits_are_those_of_the_hub(hub: Path) -> None:
    table(hub / "validation-00000-of-00001.parquet", ["valid"])
    table(hub / "test-00000-of-00001.parquet", ["tested\n"])
    corpus = load_corpus(ADDRESS)
    assert corpus.splits == ("train", "validation", "test")
    assert [corpus.text(split) for split in corpus.splits[1:]] == ["valid\n", "tested\n"]
    assert corpus.shards is not None and len(corpus.shards("train")) == 3


def test_the_streamed_tokens_are_those_of_the_text(hub: Path, tmp_path: Path) -> None:
    corpus, tokenizer = load_corpus(ADDRESS), train_tokenizer("word", lines(*ROWS))
    streamed = stream_split(corpus, "train", tokenizer, tmp_path)
    whole = encode_split(corpus, "train", tokenizer, tmp_path)
    # each row of the index begins anywhere, and the first one in the second shard
    for start in (9_000, 30, 10_900):
        positions = start + pa.array(range(50)).to_numpy()[None]
        assert streamed.tokens[positions].tolist() == whole.tokens[positions].tolist()


def test_shards_are_counted_again_when_the_data_set_has_changed(hub: Path, tmp_path: Path) -> None:
    before = tokens(load_corpus(ADDRESS), tmp_path)
    table(hub / "train-00001-of-00003.parquet", ["another row"])
    after = tokens(load_corpus(ADDRESS), tmp_path)
    assert after == before - len(lines(ROWS[1])) + len("another row\n")


def test_a_named_corpus_of_the_hub_has_its_own_lines(hub: Path) -> None:
    for path in hub.iterdir():
        path.unlink()
    for split in ("train", "validation", "test"):
        table(hub / f"{split}-00000-of-00001.parquet", ["one", ""], column="sentence")
    corpus = load_corpus("ptb")
    assert corpus.shards is not None
    assert "".join(corpus.shards("train")[0].pieces()) == " one \n  \n"


def test_what_is_not_a_text_to_train_on_is_refused(hub: Path) -> None:
    with pytest.raises(LmcourseError, match="owner"):
        load_corpus("hf://datasets/owner")
    with pytest.raises(LmcourseError, match="nowhere"):
        load_corpus("hf://datasets/owner/texts/nowhere")
    table(hub / "train-00001-of-00003.parquet", ["a", None])
    with pytest.raises(LmcourseError, match=r"row 2 of .*train-00001-of-00003\.parquet") as caught:
        load_corpus(ADDRESS).text("train")
    one_sentence(caught)
    table(hub / "train-00000-of-00003.parquet", ["a"], column="body")
    with pytest.raises(LmcourseError, match="no column 'text'") as caught:
        load_corpus(ADDRESS).text("train")
    one_sentence(caught)
    for path in hub.iterdir():
        path.rename(path.with_name(path.name.replace("train", "test")))
    with pytest.raises(LmcourseError, match="owner/texts has no train split, only test"):
        load_corpus(ADDRESS)


def test_one_shard_leaves_none_to_validate_on(hub: Path) -> None:
    for number in (1, 2):
        (hub / f"train-{number:05}-of-00003.parquet").unlink()
    with pytest.raises(LmcourseError, match="owner/texts has only one shard"):
        load_corpus(ADDRESS)


def test_a_file_that_cannot_be_read_is_named(hub: Path) -> None:
    corpus = load_corpus(ADDRESS)
    corpus.text("train")
    (hub / "train-00001-of-00003.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(LmcourseError, match=r"read .*train-00001-of-00003\.parquet") as caught:
        corpus.text("train")
    one_sentence(caught)


def test_without_a_network_one_sentence_says_what_to_do() -> None:
    with pytest.raises(LmcourseError, match="stream owner/texts from the Hub") as caught:
        load_corpus(ADDRESS)
    assert "local folder of shards" in one_sentence(caught)
