"""Random forgetting: now and then a stream begins without what it carries."""

from typing import Any

import torch

from ..errors import LmcourseError
from ..models.carried_states import Part, map_state, state_leaves
from ..models.modeling_recurrent import RecurrentForCausalLM


def check_forgetting(probability: float, model: Any, streaming: bool) -> None:
    """Refuse random forgetting if there is no state of which zeros are the beginning of a text.

    Raises:
        LmcourseError: The model is not recurrent, or is not trained along streams.
    """
    if probability and not (streaming and isinstance(model, RecurrentForCausalLM)):
        raise LmcourseError(
            "forget_state is for the recurrent models of this package, trained along streams: "
            f"set it to 0 for {model.config.model_type}"
        )


def forget_state(state: Any, probability: float) -> Any:
    """Set the carried state of a stream to zero, with this probability, before its next block.

        s = 0 with probability p, else the state after the block before

    independently for each stream, and all layers of a stream at once. Zeros are the state at the
    beginning of a text, which scoring starts from and training otherwise meets once per epoch.

    Args:
        state: A detached state, which is changed; `None` at the beginning of an epoch stays.
        probability: p.

    Reference:
        Melis, Dyer and Blunsom 2018, On the State of the Art of Evaluation in Neural Language
        Models; their code, google-deepmind/lamb, drops the state with probability 0.01.
    """
    leaves = state_leaves(state)
    if not probability or not leaves:
        return state
    rows = len(leaves[0])
    forgotten = torch.rand(rows, device=leaves[0].device) < probability

    def change(part: Part) -> Part:
        if not torch.is_tensor(part):
            return part
        return part.masked_fill(forgotten.view(-1, *[1] * (part.ndim - 1)), 0)

    return map_state(state, change)
