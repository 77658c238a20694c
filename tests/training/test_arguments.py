"""The defaults of a run and what depends on them."""

from typing import Any

import pytest

from hf_lmcourse.training import arguments
from hf_lmcourse.training.arguments import RunArguments


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"save_strategy": "no"}, False),
        ({"eval_strategy": "no"}, False),
        ({"eval_strategy": "no", "save_strategy": "no"}, False),
        ({"load_best_model_at_end": False}, False),
    ],
)
def test_the_best_weights_are_loaded_if_there_can_be_any(
    changes: dict[str, Any], expected: bool
) -> None:
    assert RunArguments(use_cpu=True, **changes).load_best_model_at_end is expected


@pytest.mark.parametrize("multiplied", [False, True])
def test_bfloat16_is_left_to_processors_that_multiply_it(
    multiplied: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(arguments, "multiplies_bfloat16", lambda: multiplied)
    monkeypatch.setattr(arguments.logger, "warning", said.append)
    args = RunArguments(use_cpu=True, bf16=True)
    assert (args.bf16, bool(said)) == (multiplied, not multiplied)
    assert not RunArguments(use_cpu=True).bf16
    assert len(said) == (not multiplied)
