"""What a streamed corpus needs of a run, and the text that its vocabulary is made from."""

from collections.abc import Iterator

from ..data.corpus import Corpus
from ..errors import LmcourseError
from ..training.arguments import DataArguments
from .settings import RunSettings


def check_streaming(settings: RunSettings, corpus: Corpus) -> None:
    """Check that a corpus can be streamed, if the settings say so.

    Raises:
        LmcourseError: It has no shards, or a setting needs the training text as a whole.
    """
    data = settings.data
    if not data.streaming:
        if data.vocabulary_sample is not None:
            raise LmcourseError("vocabulary_sample is for a corpus with streaming: true")
        return
    for name, value in {
        "hold_out": data.hold_out,
        "vectors": data.vectors,
        "batches": data.batches if data.batches != "streams" else None,
    }.items():
        if value:
            raise LmcourseError(f"{name} needs the whole training text: leave it out, or streaming")
    if data.vocabulary_sample is not None and data.vocabulary_sample < 1:
        raise LmcourseError(f"vocabulary_sample must be at least 1, not {data.vocabulary_sample}")
    if corpus.shards is None:
        raise LmcourseError(
            f"corpus {corpus.name} has no shards to stream: name a folder of them, a pattern such "
            "as 'texts/*.txt.gz', or hf://datasets/owner/name"
        )


def vocabulary_text(data: DataArguments, corpus: Corpus) -> Iterator[str]:
    """The training text, or its sample, in pieces that are cut anywhere.

    A sample has the first lines of each shard, about as many characters of each.
    """
    if data.vocabulary_sample is None:
        yield from corpus.pieces("train")
        return
    assert corpus.shards is not None  # see `check_streaming`
    shards = corpus.shards("train")
    share = -(-data.vocabulary_sample // len(shards))
    for shard in shards:
        left = share
        for piece in shard.pieces():
            end = 1 + piece.find("\n", max(0, left - 1)) or len(piece)
            yield piece[:end]
            left -= end
            if left <= 0 and piece[end - 1] == "\n":
                break
