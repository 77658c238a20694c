"""The softmax bottleneck: a softmax's log-probabilities have a rank of at most d + 2."""

from typing import Any

import pytest
import torch

from hf_lmcourse import LSTMConfig, LSTMForCausalLM
from hf_lmcourse.inspection.log_probability_rank import (
    log_probability_matrix,
    rank_bound,
)

from ..adaptation.adapted import batches_of, model_of, some_text

WIDTH, WORDS, CONTEXTS = 6, 40, 60


def wide_vocabulary(**changes: Any) -> Any:
    torch.manual_seed(0)
    config = LSTMConfig(vocab_size=WORDS, hidden_size=WIDTH, **changes)
    model: Any = LSTMForCausalLM(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=1.0)
    return model.eval()


def rank_of(model: Any) -> int:
    tokens = some_text(CONTEXTS + 20)
    matrix = log_probability_matrix(model, batches_of(model, tokens, 13), CONTEXTS)
    return int(torch.linalg.matrix_rank(matrix))


def test_a_softmax_reaches_its_bound_and_a_mixture_goes_beyond() -> None:
    plain, mixture = wide_vocabulary(), wide_vocabulary(num_softmaxes=3)
    assert rank_of(plain) == rank_bound(plain) == WIDTH + 2
    assert rank_of(mixture) > 2 * WIDTH
    assert rank_bound(mixture) is None


def test_a_tied_layer_is_bound_by_the_width_of_the_embeddings() -> None:
    tied = wide_vocabulary(output_layer="tied", embedding_size=3)
    assert rank_of(tied) == rank_bound(tied) == 5


@pytest.mark.parametrize("kind", ["lstm", "transformer"])
def test_the_rows_are_the_model_s_log_probabilities_in_order(kind: str) -> None:
    model, tokens = model_of(kind), some_text(30)
    matrix = log_probability_matrix(model, batches_of(model, tokens, 4), 8)
    inputs = torch.tensor([0, *tokens[:7]])[None]
    expected = torch.log_softmax(model(inputs).logits[0], dim=-1)
    torch.testing.assert_close(matrix, expected, rtol=1e-10, atol=1e-10)
