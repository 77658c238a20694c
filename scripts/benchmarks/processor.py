"""What tells one processor from another: two machines may bear the same name."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hf_lmcourse.kernels.processor import multiplies_bfloat16

__all__ = ["file_label", "precisions", "processor_details", "processor_label"]

_CPUINFO = Path("/proc/cpuinfo")

_INSTRUCTIONS = {
    "amx_bf16": "AMX",
    "avx512_bf16": "AVX-512 bf16",
    "avx512f": "AVX-512",
    "avx2": "AVX2",
}
"""The flags of Linux that matrix products and our kernels depend on, the strongest first."""


def processor_details() -> dict[str, Any]:
    """Return `family`, `model` and `instructions` of the processor; nothing if it does not say.

    The instructions are those of AMX, AVX-512 and AVX2 that this machine offers: a virtual machine
    may hide some.
    """
    try:
        first = _CPUINFO.read_text(encoding="utf-8").partition("\n\n")[0]
    except OSError:  # not Linux
        return {}
    lines = (line.partition(":") for line in first.splitlines())
    fields = {name.strip(): value.strip() for name, _, value in lines}
    if not {"cpu family", "model", "flags"} <= fields.keys():  # not x86
        return {}
    flags = fields["flags"].split()
    return {
        "family": int(fields["cpu family"]),
        "model": int(fields["model"]),
        "instructions": [flag for flag in _INSTRUCTIONS if flag in flags],
    }


def precisions() -> tuple[str, ...]:
    """Return "float32", and "bf16" if the processor multiplies it."""
    return ("float32", "bf16") if multiplies_bfloat16() else ("float32",)


def processor_label(device: str, details: Mapping[str, Any]) -> str:
    """Name a processor in a few words, such as "Intel Xeon 6/143, AMX".

    Args:
        device: Its name, see `hf_lmcourse.report.results.device_name`.
        details: See `processor_details`; files of older versions have none.
    """
    words = re.sub(r"\((R|TM)\)|\d+-Core|\b(CPU|Processor)\b|@.*", "", device, flags=re.IGNORECASE)
    label = " ".join(words.split()) or device
    if details:
        label += f" {details['family']}/{details['model']}"
        label += "".join(f", {_INSTRUCTIONS[flag]}" for flag in details["instructions"][:1])
    return label


def file_label(label: str) -> str:
    """Write a label as a part of a file name, such as "intel_xeon_6_143_amx"."""
    return re.sub(r"[^a-z0-9]+", "_", label.lower()).strip("_")
