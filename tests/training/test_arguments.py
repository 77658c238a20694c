"""The defaults of a run and what depends on them."""

from typing import Any

import pytest

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
