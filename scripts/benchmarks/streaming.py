"""Training on shards that are streamed, and on their tokens memory-mapped: speed and memory."""

import gzip
from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from torch import Tensor
from torch.utils.data import DataLoader

from hf_lmcourse.data.corpora import load_corpus
from hf_lmcourse.data.encoding import encode_split
from hf_lmcourse.data.streams import ContiguousStreams
from hf_lmcourse.data.token_count_pass import stream_split
from hf_lmcourse.tokenization import WordTokenizer

from .memory import compare_ways
from .timing import Comparison
from .tokens import zipf_tokens
from .wikitext2_step import StepSetting, our_loop, our_model

__all__ = ["streaming", "training", "write_shards"]

WAYS = {"streamed": stream_split, "memory-mapped": encode_split}
_SHARDS = 32
_PER_LINE = 20
_WORDS = 20_000
"""Words of a shard that are drawn; it repeats them."""


def streaming(
    repeats: int = 9,
    texts: tuple[int, ...] = (1_000_000, 10_000_000, 100_000_000),
    setting: StepSetting | None = None,
    memory: bool = True,
) -> Iterator[Comparison]:
    """Time training steps on shards of gzip, and measure the memory, by the characters of text."""
    setting = setting or StepSetting(vocabulary=10_000, streams=_SHARDS)
    for size in texts:
        with TemporaryDirectory() as name:
            write_shards(folder := Path(name, "shards"), size, setting.vocabulary)
            for way in WAYS:  # tokenize, or count tokens
                training(folder, setting, way)
            yield compare_ways(
                "training on a corpus in shards",
                f"{setting}; {size:,} characters",
                {way: partial(training, folder, setting, way) for way in WAYS},
                repeats,
                memory,
                amount=setting.streams * setting.length,
                unit="tokens",
                variable="characters",
                size=size,
            )


def write_shards(folder: Path, characters: int, vocabulary: int) -> None:
    """Write random words of Zipf's law as shards of gzip, and a text for validation."""
    folder.mkdir(parents=True)
    (folder / "validation.txt").write_text("w0 w1\n", encoding="utf-8")
    count = min(_WORDS, characters // _SHARDS)
    for number in range(_SHARDS):
        words = [f"w{token}" for token in zipf_tokens(count, vocabulary, number)]
        lines = (words[start : start + _PER_LINE] for start in range(0, count, _PER_LINE))
        text = "".join(f"{' '.join(line)}\n" for line in lines)
        with gzip.open(folder / f"train-{number:05}-of-{_SHARDS:05}.txt.gz", "wb", 3) as file:
            for _ in range(-(-characters // (_SHARDS * len(text)))):
                file.write(text.encode())


def training(folder: Path, setting: StepSetting, way: str) -> Callable[[], float]:
    """Return a function that trains on the next block of each stream, and returns its loss."""
    corpus = load_corpus(str(folder))
    words = " ".join(f"w{number}" for number in range(setting.vocabulary - 2))
    tokenizer = WordTokenizer.train(words)
    split: Any = WAYS[way](corpus, "train", tokenizer, folder.parent / "cache")
    streams = ContiguousStreams(split.tokens, setting.streams, setting.length)
    return our_loop(our_model(setting, sampled=False), setting, _blocks(streams), bf16=False)


def _blocks(streams: ContiguousStreams) -> Iterator[tuple[Tensor, Tensor]]:
    batches = DataLoader(streams, batch_size=streams.num_streams)
    for _ in cycle([None]):
        yield from ((batch["input_ids"], batch["shift_labels"]) for batch in batches)
