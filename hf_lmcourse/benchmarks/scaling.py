"""How cost grows: with the text, the vocabulary, the length of a sequence, and with processes."""

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

from ..data.streams import ContiguousStreams
from ..evaluation.corpus_scores import score_streams
from ..models import LSTMConfig, LSTMForCausalLM, TransformerConfig, TransformerForCausalLM
from .memory import compare_ways
from .processes import WorkerGroup
from .softmax import LOSSES, SoftmaxSetting, softmax_step
from .timing import Comparison, Side, compare
from .tokens import block_cycle
from .wikitext2 import StepSetting, our_loop, our_model
from .zipf import zipf_tokens

__all__ = ["ScalingSetting", "read_with_pattern", "scaling", "score_file", "shared_step"]

_LONGEST_WARMED_UP = 10_000_000
_REPEATS_OF_LONGER = 5
"""A longer text, without a warm-up: in a minute the start counts for nothing."""
_CHUNK = 1_000_000


@dataclass(frozen=True)
class ScalingSetting:
    """What is varied, and the sizes of the models, which are small so that large texts are read.

    Attributes:
        texts: tokens of a text.
        rows, block: a batch of it.
        vocabulary, width: of the LSTM that scores it.
        softmax: tokens, width and vocabularies of an output layer.
        lengths: tokens of a sequence.
        window: of the patterns "local" and "strided".
        step: the training that one and two processes share.
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
    repeats: int = 7, setting: ScalingSetting | None = None, memory: bool = True
) -> Iterator[Comparison]:
    """Four curves, or two points of one."""
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
    """What scores a memory-mapped text with carried state and returns its nats."""
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
    """Random tokens in the form of the cache, written piece by piece."""
    array = np.lib.format.open_memmap(path, "w+", np.dtype(np.uint16), (size,))
    for start in range(0, size, _CHUNK):
        array[start : start + _CHUNK] = zipf_tokens(min(_CHUNK, size - start), vocabulary, start)
    array.flush()


def read_with_pattern(pattern: Any, length: int, window: int) -> Callable[[], torch.Tensor]:
    """What computes the hidden vectors of a sequence with two blocks of an attention pattern."""
    torch.manual_seed(0)
    config = TransformerConfig(
        vocab_size=65,
        hidden_size=128,
        num_hidden_layers=2,
        max_position_embeddings=length,
        attention_pattern=pattern,
        attention_window=window if pattern in ("local", "strided") else None,
    )
    body = TransformerForCausalLM(config).eval().model
    ids = torch.from_numpy(zipf_tokens(length, 65)).long().unsqueeze(0)

    @torch.no_grad()
    def step() -> torch.Tensor:
        return body(input_ids=ids, use_cache=False).last_hidden_state

    return step


def shared_step(
    setting: StepSetting, tokens: NDArray[np.integer], rank: int, processes: int
) -> Callable[[], float]:
    """A training step on the share of the streams that a process has; gradients are averaged."""
    rows = setting.streams // processes
    blocks = block_cycle(tokens, setting.streams, setting.length)
    mine = slice(rank * rows, (rank + 1) * rows)
    model: Any = DistributedDataParallel(our_model(setting, sampled=False))
    return our_loop(model, setting, ((x[mine], y[mine]) for x, y in blocks), bf16=False)


def _processes(setting: ScalingSetting, repeats: int) -> Comparison:
    """The same streams on two processes of a thread, on one, and on one of two threads."""
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
