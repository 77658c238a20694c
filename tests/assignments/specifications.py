"""A small assignment, for the tests of what is made from it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from hf_lmcourse.assignments.specification import FILE_NAME

STEPS = """\
import torch


def elman_step(x, h, W, U, b):
    # BEGIN SOLUTION
    a = x @ W.T + h @ U.T + b
    # END SOLUTION
    return torch.tanh(a)


def gru(x, h, W, U, b, b_h):
    x_r, x_z, x_n = (x @ W.T + b).chunk(3, dim=1)
    u_r, u_z, u_n = (h @ U.T + b_h).chunk(3, dim=1)
    r, z = torch.sigmoid(x_r + u_r), torch.sigmoid(x_z + u_z)
    n = torch.tanh(x_n + r * u_n)  # SOLUTION
    return (1 - z) * n + z * h
"""
ADAPTERS = 'ADAPTERS = {"gru_step": {"function": "gru"}}\n'


def content(**changes: Any) -> dict[str, Any]:
    """The specification as YAML reads it."""
    return {
        "title": "Two steps",
        "introduction": "Some *words*.",
        "files": ["adapters.py"],
        "salt": "pepper",
        "questions": [
            {
                "name": "elman",
                "title": "Elman's step",
                "text": "Compute $h'$.",
                "task": "elman_step",
                "file": "steps.py",
                "points": {"values": 2, "gradients": 1.5, "shapes": 1},
            },
            {
                "name": "softmax",
                "title": "A derivation",
                "text": "Derive it.",
                "theory": "softmax",
                "answer": "In short.",
                "points": 3,
            },
            {
                "name": "gru",
                "title": "The step of the GRU",
                "text": "Compute $h'$.",
                "task": "gru_step",
                "file": "steps.py",
                "points": {"values": 4},
            },
        ],
        **changes,
    }


def written(folder: Path, spec: Any = None, files: Mapping[str, str] | None = None) -> Path:
    """Write the specification and its files; return the path of the former."""
    for name, text in ({"steps.py": STEPS, "adapters.py": ADAPTERS} | dict(files or {})).items():
        (folder / name).write_text(text)
    path = folder / FILE_NAME
    path.write_text(yaml.safe_dump(content() if spec is None else spec))
    return path
