"""How cost scales with text length, vocabulary, sequence length and number of processes."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader

from hf_lmcourse.data.streams import ContiguousStreams
from hf_lmcourse.evaluation.corpus_scores import score_streams
from hf_lmcourse.models import (
    LSTMConfig,
    LSTMForCausalLM,
    TransformerConfig,
    TransformerForCausalLM,
)

from .memory import compare_ways
from .processes import WorkerGroup
from .softmax import LOSSES, SoftmaxSetting, softmax_step
from .timing import Comparison, Side, compare
from .tokens import block_cycle, zipf_tokens
from .wikitext2_step import StepSetting, our_loop, our_model

__all__ = ["ScalingSetting", "read_with_pattern", "scaling", "score_file", "shared_step"]

_LONGEST_WARMED_UP = 10_000_000
_REPEATS_OF_LONGER = 5
"""Repeats of a longer text, without a warm-up: it takes a minute, the start does not matter."""
_CHUNK = 1_000_000


@dataclass(frozen=True)
class ScalingSetting:
    """What is varied, and the sizes of the models, which are small so that long texts can be read.

    Attributes:
        texts: Lengths of the texts in tokens.
        rows, block: Number of rows and of tokens per row of a batch.
        vocabulary, width: Sizes of the LSTM that scores the texts.
        softmax: Tokens, width and vocabularies of an output layer.
        lengths: Lengths of the sequences in tokens.
        window: Window of the patterns "local" and "strided".
        step: The training step that one process or two share.
    """

    texts: tuple[int, ...] = (100_000, 1_000_000, 10_000_000, 100_000_000)
    rows: int = 500
    block: int = 100
    vocabulary: int = 16
    width: int = 8
    softmax: SoftmaxSetting = field(
        default_factory=lambda: SoftmaxSetting(
            tokens=100, width=64, vocabularies=(1_000, 10_000, 100_000, 1_000_000)
        )
    )
    lengths: tuple[int, ...] = (64, 256, 1_024, 4_096, 8_192)
    window: int = 64
    step: StepSetting = field(default_factory=lambda: StepSetting(vocabulary=10_000))


def scaling(
    repeats: int = 9, setting: ScalingSetting | None = None, memory: bool = True
) -> Iterator[Comparison]:
    """Time the scoring of texts, output layers, attention patterns, and one and two processes."""
    setting = setting or ScalingSetting()
    yield from _texts(setting, repeats, memory)
    for vocabulary in setting.softmax.vocabularies:
        yield compare(
            "output layer, training",
            f"{setting.softmax.tokens} x {setting.softmax.width}, {vocabulary:,} words",
            [
                Side(kind, softmax_step(setting.softmax, kind, vocabulary, training=True))
                for kind in LOSSES
            ],
            repeats,
            variable="vocabulary",
            size=vocabulary,
        )
    for length in setting.lengths:
        patterns: tuple[Any, ...] = ("full", "local", "strided", "log_sparse")
        yield compare(
            "Transformer, reading a sequence",
            f"1 x {length:,} tokens, window {setting.window}",
            [Side(name, read_with_pattern(name, length, setting.window)) for name in patterns],
            repeats,
            variable="length",
            size=length,
        )
    yield _processes(setting, repeats)


def score_file(setting: ScalingSetting, path: Path) -> Callable[[], float]:
    """Return a function that scores a memory-mapped text with carried state, in nats."""
    torch.manual_seed(0)
    config = LSTMConfig(vocab_size=setting.vocabulary, hidden_size=setting.width)
    model = LSTMForCausalLM(config).eval()
    tokens = np.load(path, mmap_mode="r", allow_pickle=False)
    batches: DataLoader = DataLoader(
        ContiguousStreams(tokens, setting.rows, setting.block), batch_size=setting.rows
    )
    return lambda: score_streams(model, batches).nats


def _texts(setting: ScalingSetting, repeats: int, memory: bool) -> Iterator[Comparison]:
    with TemporaryDirectory() as folder:
        for size in setting.texts:
            warm_up = size <= _LONGEST_WARMED_UP
            path = Path(folder, f"{size}.npy")
            _write_tokens(path, size, setting.vocabulary)
            yield compare_ways(
                "scoring a memory-mapped text",
                f"LSTM of {setting.width}, {size:,} tokens",
                {"ours": partial(score_file, setting, path)},
                repeats if warm_up else min(repeats, _REPEATS_OF_LONGER),
                memory,
                steps=1,
                warm_up=warm_up,
                amount=size,
                unit="tokens",
                variable="tokens",
                size=size,
            )
            path.unlink()


def _write_tokens(path: Path, size: int, vocabulary: int) -> None:
    """Write random tokens as the cache has them, in chunks."""
    array = np.lib.format.open_memmap(path, "w+", np.dtype(np.uint16), (size,))
    for start in range(0, size, _CHUNK):
        array[start : start + _CHUNK] = zipf_tokens(min(_CHUNK, size - start), vocabulary, start)
    array.flush()


def read_with_pattern(pattern: Any, length: int, window: int) -> Callable[[], torch.Tensor]:
    """Return a function that computes two Transformer blocks with an attention pattern."""
    torch.manual_seed(0)
    config = TransformerConfig(
        vocab_size=65,
        hidden_size=128,
        num_hidden_layers=2,
        max_position_embeddings=length,
        attention_pattern=pattern,
        attention_window=window if pattern in ("local", "strided") else None,
    )
    base_model = TransformerForCausalLM(config).eval().model
    ids = torch.from_numpy(zipf_tokens(length, 65)).long().unsqueeze(0)

    @torch.no_grad()
    def step() -> torch.Tensor:
        return base_model(input_ids=ids, use_cache=False).last_hidden_state

    return step


def shared_step(
    setting: StepSetting, tokens: NDArray[np.integer], rank: int, processes: int
) -> Callable[[], float]:
    """Return a training step on this process's share of the streams; gradients are averaged."""
    rows = setting.streams // processes
    blocks = block_cycle(tokens, setting.streams, setting.length)
    share = slice(rank * rows, (rank + 1) * rows)
    model: Any = DistributedDataParallel(our_model(setting, sampled=False))
    return our_loop(model, setting, ((x[share], y[share]) for x, y in blocks), bf16=False)


def _processes(setting: ScalingSetting, repeats: int) -> Comparison:
    """Compare two processes of one thread, one process, and one process of two threads."""
    step = replace(setting.step, dropout=0.0)
    amount = step.streams * step.length
    work = partial(shared_step, step, zipf_tokens(30 * amount + 1, step.vocabulary))
    with ExitStack() as stack:
        sides = []
        for name, processes, threads in (
            ("2 processes", 2, 1),
            ("1 process", 1, 1),
            ("1 process, 2 threads", 1, 2),
        ):
            group = stack.enter_context(WorkerGroup(work, processes, threads))
            sides.append(Side(name, group.step))
        return compare(
            "training step, processes",
            f"{step}, all words, float32",
            sides,
            repeats,
            amount=amount,
            unit="tokens",
        )
