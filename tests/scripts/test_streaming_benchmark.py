"""Training on streamed shards and on their tokens takes the same steps."""

from dataclasses import replace
from pathlib import Path

from benchmarks import streaming
from benchmarks.wikitext2_step import StepSetting

SETTING = replace(StepSetting(), vocabulary=50, width=4, layers=1, streams=3, length=5, dropout=0.0)


def test_both_ways_have_the_same_losses_past_the_end_of_the_text(tmp_path: Path) -> None:
    streaming.write_shards(tmp_path / "shards", 40_000, SETTING.vocabulary)
    setting = replace(SETTING, length=500)
    streamed, mapped = (
        streaming.training(tmp_path / "shards", setting, way) for way in streaming.WAYS
    )
    losses = [streamed() for _ in range(30)]
    assert losses == [mapped() for _ in range(30)]
    assert len(set(losses)) == 30


def test_a_row_for_each_length_of_text() -> None:
    rows = list(streaming.streaming(1, (10_000, 60_000), SETTING, memory=False))
    assert [row.size for row in rows] == [10_000, 60_000]
    for row in rows:
        assert list(row.rates) == ["streamed", "memory-mapped"] and row.amount == 15
