"""The checks of a GPU, with the processor as the device; on a GPU the equalities themselves."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

import gpu_check
from device_checks.equalities import MODELS, equalities

CPU = torch.device("cpu")


def test_every_equality_holds_where_both_sides_are_the_processor() -> None:
    rows = list(equalities(CPU))
    assert {row["name"] for row in rows} == set(MODELS)
    assert [row for row in rows if not row["ok"]] == []
    checked = {row["checked"] for row in rows if row["name"] == "lstm"}
    assert len(checked) == 6
    assert any(row["difference"] > 0 for row in rows)  # bfloat16 rounds


@pytest.mark.gpu
@pytest.mark.parametrize("name", MODELS)
def test_a_gpu_computes_what_the_processor_does(name: str) -> None:
    rows = [row for row in equalities(torch.device("cuda")) if row["name"] == name]
    assert [row for row in rows if not row["ok"]] == []


def _record(folder: Path, part: str) -> Any:
    """The result of a part, whose file also names the device."""
    (path,) = folder.glob(f"gpu_{part}.*.json")
    return json.loads(path.read_text())


def test_parts_are_written_and_not_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["speed", "memory", "--device", "cpu", "--quick", "--results_dir", str(tmp_path)]
    assert gpu_check.main(words) == 0
    record = _record(tmp_path, "speed")
    assert [row["name"] for row in record["rows"]][-1] == "Transformer, training"
    assert record["device"] and record["rows"][0]["medians"]
    assert _record(tmp_path, "memory")["rows"] == []
    capsys.readouterr()
    monkeypatch.setattr(gpu_check, "PARTS", {"speed": None, "memory": None})
    assert gpu_check.main(words) == 0
    assert "speed: in" in capsys.readouterr().out


def test_a_difference_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"name": "lstm", "checked": "logits", "difference": 1.0, "allowed": 1e-4, "ok": False}]
    monkeypatch.setattr(gpu_check, "PARTS", {"equalities": lambda device, quick: iter(rows)})
    assert gpu_check.main(["equalities", "--device", "cpu"]) == 1


@pytest.mark.slow
def test_training_runs_end_with_their_metrics(tmp_path: Path) -> None:
    words = ["processes", "wikitext2", "--device", "cpu", "--quick"]
    assert gpu_check.main([*words, "--results_dir", str(tmp_path)]) == 0
    one, two = _record(tmp_path, "processes")["rows"]
    nats = [row["metrics"]["validation"]["nats_per_token"] for row in (one, two)]
    assert nats[0] == pytest.approx(nats[1], rel=1e-4)
