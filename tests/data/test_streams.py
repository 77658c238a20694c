from itertools import pairwise

import numpy as np
import pytest
import torch
from accelerate.data_loader import BatchSamplerShard
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.utils.data import BatchSampler, DataLoader, SequentialSampler

from hf_lmcourse import LmcourseError
from hf_lmcourse.data import (
    ContiguousStreams,
    TokenWindows,
    context_tokens,
    line_end_token_id,
)
from hf_lmcourse.data.random_blocks import RandomBlockStreams
from hf_lmcourse.data.streams import prompt_token_ids, stop_token_id
from hf_lmcourse.tokenization import train_tokenizer

FIRST = 7_777
"""Context of the first token; the corpora below count upwards from 0, so it is no token."""


def corpus(length: int) -> np.ndarray:
    """Different tokens everywhere: a token is its own position."""
    return np.arange(length, dtype=np.uint16)


@st.composite
def streams(draw: st.DrawFn, random_offset: bool = False) -> ContiguousStreams:
    length = draw(st.integers(1, 90))
    first_context = draw(st.sampled_from([FIRST, None]))
    predicted = length - (first_context is None)
    assume(predicted)
    return ContiguousStreams(
        corpus(length),
        num_streams=draw(st.integers(1, min(predicted, 12))),
        block_length=draw(st.integers(1, 20)),
        first_context=first_context,
        random_offset=random_offset,
        seed=draw(st.integers(0, 3)),
    )


def rows(dataset: ContiguousStreams, name: str) -> Tensor:
    """What each stream yields from its first block to its last: (streams, blocks * length)."""
    items = torch.stack([item[name] for item in dataset])  # type: ignore[attr-defined]
    blocks = items.view(dataset.num_blocks, dataset.num_streams, dataset.block_length)
    return blocks.transpose(0, 1).flatten(1)


def predicted_tokens(dataset: ContiguousStreams) -> list[int]:
    return list(range(len(dataset.tokens)))[dataset.first_context is None :]


@settings(deadline=None)
@given(streams())
def test_streams_laid_end_to_end_predict_every_token_once_and_in_order(
    dataset: ContiguousStreams,
) -> None:
    labels = rows(dataset, "labels")
    assert labels[labels != -100].tolist() == predicted_tokens(dataset)
    assert dataset.num_predicted == len(predicted_tokens(dataset))


@settings(deadline=None)
@given(st.booleans().flatmap(lambda moved: streams(random_offset=moved)), st.integers(0, 5))
def test_the_context_of_every_label_is_the_token_before_it_in_the_corpus(
    dataset: ContiguousStreams, epoch: int
) -> None:
    dataset.set_epoch(epoch)
    inputs, labels = rows(dataset, "input_ids"), rows(dataset, "labels")
    before = torch.where(labels == 0, FIRST, labels - 1)
    assert torch.equal(inputs[labels != -100], before[labels != -100])


@settings(deadline=None)
@given(streams())
def test_streams_fill_up_only_at_their_end_and_differ_by_one_token_at_most(
    dataset: ContiguousStreams,
) -> None:
    inside = rows(dataset, "labels") != -100
    lengths = inside.sum(1)
    assert torch.equal(inside, torch.arange(inside.shape[1]) < lengths[:, None])
    assert lengths.min() >= 1
    assert lengths.max() - lengths.min() <= 1
    assert len(dataset) == dataset.num_blocks * dataset.num_streams
    assert inside.shape[1] - lengths.max() < dataset.block_length


def test_items_are_equal_blocks_of_int64_with_labels_under_both_names() -> None:
    dataset = ContiguousStreams(corpus(10), 3, 2, first_context=FIRST)
    item = dataset[1]
    assert item["input_ids"].tolist() == [3, 4]
    assert item["labels"].tolist() == [4, 5]
    assert torch.equal(item["shift_labels"], item["labels"])
    assert {value.dtype for value in item.values()} == {torch.int64}


@settings(deadline=None)
@given(streams(), st.data())
def test_several_items_at_once_are_the_items_one_by_one(
    dataset: ContiguousStreams, data: st.DataObject
) -> None:
    indices = data.draw(st.lists(st.integers(0, len(dataset) - 1), max_size=8))
    together = dataset.__getitems__(indices)
    assert len(together) == len(indices)
    for index, item in zip(indices, together, strict=True):
        alone = dataset[index]
        assert item.keys() == alone.keys()
        assert all(torch.equal(item[name], alone[name]) for name in item)


def test_there_is_no_item_beyond_the_last() -> None:
    dataset = ContiguousStreams(corpus(10), 2, 3)
    with pytest.raises(IndexError, match="among 4"):
        dataset[len(dataset)]


@settings(deadline=None)
@given(st.integers(1, 3), st.integers(1, 4), st.integers(24, 90), st.integers(1, 9))
def test_each_process_gets_its_own_streams_and_together_they_are_one_big_batch(
    processes: int, per_process: int, length: int, block_length: int
) -> None:
    dataset = ContiguousStreams(corpus(length), processes * per_process, block_length, FIRST)
    batches = BatchSampler(SequentialSampler(dataset), per_process, drop_last=False)
    shares = [list(BatchSamplerShard(batches, processes, p)) for p in range(processes)]
    for process, share in enumerate(shares):
        own = [process * per_process + row for row in range(per_process)]
        assert [[index % dataset.num_streams for index in batch] for batch in share] == [own] * len(
            share
        )
        assert [batch[0] // dataset.num_streams for batch in share] == list(range(len(share)))
    whole = BatchSampler(SequentialSampler(dataset), dataset.num_streams, drop_last=False)
    assert [sum(step, []) for step in zip(*shares, strict=True)] == list(whole)


@pytest.mark.parametrize("processes", [1, 2, 3, 5, 8, 16, 31, 64, 128, 255, 256])
@pytest.mark.parametrize("kind", ["streams", "random blocks", "windows"])
def test_in_any_number_of_processes_each_token_is_predicted_once_and_no_process_waits(
    kind: str, processes: int
) -> None:
    rows, epoch = 2 * processes, 1
    tokens, moved = corpus(11 * rows + 5), {"random_offset": True, "first_context": FIRST}
    dataset: ContiguousStreams | TokenWindows = {
        "streams": lambda: ContiguousStreams(tokens, rows, 4, **moved),
        "random blocks": lambda: RandomBlockStreams(tokens, rows, 10, **moved),
        "windows": lambda: TokenWindows(tokens, 4, rows=rows, shuffle=True, **moved),
    }[kind]()
    dataset.set_epoch(epoch)
    batches = BatchSampler(SequentialSampler(dataset), 2, drop_last=False)
    shares = [list(BatchSamplerShard(batches, processes, p)) for p in range(processes)]
    assert len({len(share) for share in shares}) == 1
    predicted: list[int] = []
    for share in shares:
        read = [dataset.__getitems__(batch) for batch in share]
        if kind != "windows":
            for before, after in pairwise(read):
                for row in range(2):
                    assert before[row]["labels"][-1] == after[row]["input_ids"][0]
        predicted += [int(label) for items in read for item in items for label in item["labels"]]
    assert sorted(label for label in predicted if label != -100) == list(range(len(tokens)))


def test_each_row_of_a_batch_goes_on_where_it_ended_in_the_batch_before() -> None:
    dataset = ContiguousStreams(corpus(40), num_streams=4, block_length=3, first_context=FIRST)
    batches = list(DataLoader(dataset, batch_size=4))
    for before, after in zip(batches, batches[1:], strict=False):
        assert torch.equal(before["labels"][:, -1], after["input_ids"][:, 0])


@settings(deadline=None)
@given(streams(random_offset=True), st.integers(0, 5))
def test_a_moved_epoch_predicts_every_token_once_around_the_end_of_the_corpus(
    dataset: ContiguousStreams, epoch: int
) -> None:
    dataset.set_epoch(epoch)
    labels = rows(dataset, "labels")
    expected = np.roll(predicted_tokens(dataset), -dataset.offset)
    assert labels[labels != -100].tolist() == expected.tolist()


def test_offsets_depend_on_seed_and_epoch_alone_and_need_set_epoch() -> None:
    def offsets(seed: int, epochs: list[int], random_offset: bool = True) -> list[int]:
        dataset = ContiguousStreams(
            corpus(1_000), 2, 5, FIRST, random_offset=random_offset, seed=seed
        )
        found = [dataset.offset]
        for epoch in epochs:
            dataset.set_epoch(epoch)
            found.append(dataset.offset)
        return found

    forward = offsets(3, [0, 1, 2])
    assert forward[0] == 0
    assert len(set(forward)) == 4
    assert offsets(3, [2, 1, 0])[1:] == forward[:0:-1]
    assert offsets(4, [0, 1, 2])[1:] != forward[1:]
    assert offsets(3, [0, 1, 2], random_offset=False) == [0, 0, 0, 0]


def test_the_first_token_follows_the_first_context_also_where_the_corpus_wraps_around() -> None:
    dataset = ContiguousStreams(corpus(5), 1, 5, first_context=FIRST, random_offset=True)
    dataset.offset = 3
    assert dataset[0]["labels"].tolist() == [3, 4, 0, 1, 2]
    assert dataset[0]["input_ids"].tolist() == [2, 3, FIRST, 0, 1]


@pytest.mark.parametrize(("length", "first_context"), [(31, FIRST), (32, None), (0, None)])
def test_fewer_tokens_than_streams_are_refused_with_both_numbers(
    length: int, first_context: int | None
) -> None:
    with pytest.raises(LmcourseError, match=f"has {length} tokens, too few for 32 parallel"):
        ContiguousStreams(corpus(length), 32, 8, first_context)


@pytest.mark.parametrize(("num_streams", "block_length"), [(0, 5), (2, 0), (-1, 5)])
def test_no_streams_and_empty_blocks_are_refused(num_streams: int, block_length: int) -> None:
    with pytest.raises(LmcourseError, match=f"{num_streams} streams in blocks of {block_length}"):
        ContiguousStreams(corpus(9), num_streams, block_length)


def test_a_line_ends_with_eos_or_else_with_the_line_break_where_there_is_one() -> None:
    words = train_tokenizer("word", "to be\n")
    assert line_end_token_id(words) == words.eos_token_id
    characters = train_tokenizer("character", "to be\n")
    assert line_end_token_id(characters) == characters.get_vocab()["\n"]
    assert line_end_token_id(train_tokenizer("character", "to be")) is None


@settings(deadline=None)
@given(st.lists(st.integers(0, 3), min_size=3, max_size=40), st.sampled_from([9, None]))
def test_a_token_that_is_only_context_is_read_and_never_a_label(
    text: list[int], first: int | None
) -> None:
    tokens = np.array(text, dtype=np.uint16)
    labels = [token for token in text[first is None :] if token != 2]
    for dataset in (
        ContiguousStreams(tokens, 2, 5, first, context_only=2),
        TokenWindows(tokens, 4, 2, first_context=first, context_only=2),
    ):
        found = torch.cat([dataset[i]["labels"] for i in range(len(dataset))])
        assert sorted(found[found != -100].tolist()) == sorted(labels)
        assert dataset.num_predicted == len(labels)
    streams = ContiguousStreams(tokens, 1, len(text), first, context_only=2)
    read = ([] if first is None else [first]) + text
    assert streams[0]["input_ids"][: len(read) - 1].tolist() == read[:-1]


def test_the_marks_of_a_tokenizer_are_its_line_end_and_its_start_of_a_sentence() -> None:
    word, pattern = (train_tokenizer(kind, "a b\n") for kind in ("word", "digit_pattern"))
    assert context_tokens(word) == {"first_context": word.eos_token_id, "context_only": None}
    expected = {"first_context": pattern.eos_token_id, "context_only": pattern.bos_token_id}
    assert context_tokens(pattern) == expected
    word.bos_token = word.eos_token  # as GPT-2 has it: the line end is predicted
    assert context_tokens(word)["context_only"] is None


def test_a_prompt_ends_before_the_line_end_that_stops() -> None:
    pattern, word = (train_tokenizer(kind, "a b\n") for kind in ("digit_pattern", "word"))
    assert stop_token_id(word) == -1
    assert prompt_token_ids(word, "a\n").tolist() == [word("a\n")["input_ids"]]
    assert stop_token_id(pattern) == pattern.eos_token_id
    assert prompt_token_ids(pattern, "\n").tolist() == [2 * [pattern.bos_token_id]]
    assert prompt_token_ids(pattern, "").shape == (1, 0)
