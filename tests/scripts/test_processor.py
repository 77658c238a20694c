"""Processors that differ in model or instructions differ in their labels."""

from pathlib import Path

import pytest

from benchmarks import processor
from benchmarks.processor import file_label, precisions, processor_details, processor_label

CPUINFO = """processor\t: 0
cpu family\t: 6
model\t\t: 143
model name\t: Intel(R) Xeon(R) Processor
flags\t\t: fpu avx2 avx512f {flags}

processor\t: 1
cpu family\t: 6
model\t\t: 1
flags\t\t: fpu
"""


def label_of(text: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    path = folder / "cpuinfo"
    path.write_text(text)
    monkeypatch.setattr(processor, "_CPUINFO", path)
    return processor_label("Intel(R) Xeon(R) Processor", processor_details())


@pytest.mark.parametrize("multiplied", [False, True])
def test_bfloat16_is_timed_where_it_is_multiplied(
    multiplied: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processor, "multiplies_bfloat16", lambda: multiplied)
    assert ("bf16" in precisions()) == multiplied
    assert "float32" in precisions()


def test_one_name_with_other_instructions_is_another_label(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [
        label_of(CPUINFO.format(flags=flags), tmp_path, monkeypatch)
        for flags in ("", "avx512_bf16", "avx512_bf16 amx_bf16")
    ]
    assert found == [
        "Intel Xeon 6/143, AVX-512", "Intel Xeon 6/143, AVX-512 bf16", "Intel Xeon 6/143, AMX"
    ]  # fmt: skip
    other = label_of(CPUINFO.replace("143", "106").format(flags=""), tmp_path, monkeypatch)
    assert other == "Intel Xeon 6/106, AVX-512"
    assert len({file_label(label) for label in [*found, other]}) == 4
    assert file_label(found[-1]) == "intel_xeon_6_143_amx"


@pytest.mark.parametrize("text", ["", "Processor\t: AArch64\nFeatures\t: fp asimd\n"])
def test_a_system_that_says_nothing_leaves_the_name(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert label_of(text, tmp_path, monkeypatch) == "Intel Xeon"
    monkeypatch.setattr(processor, "_CPUINFO", tmp_path / "none")
    assert processor_details() == {}


def test_a_name_loses_what_every_processor_has_in_it() -> None:
    assert processor_label("AMD EPYC", {}) == "AMD EPYC"
    assert processor_label("AMD EPYC 7B13 64-Core Processor", {}) == "AMD EPYC 7B13"
    assert processor_label("Intel(R) Core(TM) i9 CPU @ 3.60GHz", {}) == "Intel Core i9"
    assert processor_label("Processor", {}) == "Processor"
    old = {"family": 6, "model": 1, "instructions": []}
    assert processor_label("Intel Old", old) == "Intel Old 6/1"
