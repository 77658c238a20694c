"""Each technique that draws: two training passes differ, two evaluation passes do not.

In published ports weight drop has silently done nothing.
"""

from typing import Any

import pytest
import torch
from torch import Tensor

from hf_lmcourse.models.causal_lm import LanguageModelForCausalLM

from .families import (
    OUTPUT_LAYERS,
    Family,
    assert_close,
    every_family,
    every_family_with,
    every_recurrent_family,
    gradients,
    token_ids,
)

DRAWS: dict[str, dict[str, Any]] = {
    "word_dropout": {"word_dropout": 0.4},
    "embedding_dropout": {"embedding_dropout": 0.4},
    "num_sampled": {"num_sampled": 4},
    "num_sampled of a mixture": {"num_sampled": 4, "num_softmaxes": 3},
}
RECURRENT_DRAWS: dict[str, dict[str, Any]] = {
    "hidden_dropout": {"hidden_dropout": 0.4},
    "output_dropout": {"output_dropout": 0.4},
    "recurrent_dropout": {"recurrent_dropout": 0.4},
    "recurrent_dropout, torch": {"recurrent_dropout": 0.4, "backend": "torch"},
    "locked_dropout": {"output_dropout": 0.4, "locked_dropout": True},
    "word_dropout": {"word_dropout": 0.4, "backend": "torch"},
}


def assert_draws_in_training_alone(model: LanguageModelForCausalLM) -> None:
    ids = token_ids(2, 6)

    def loss() -> float:
        return model(ids, labels=ids).loss.item()

    model.train()
    assert len({loss() for _ in range(6)}) > 1
    model.eval()
    assert len({loss() for _ in range(3)}) == 1


@every_family
@pytest.mark.parametrize("technique", DRAWS)
def test_two_training_passes_differ_and_two_evaluations_do_not(
    family: Family, technique: str
) -> None:
    assert_draws_in_training_alone(family.random(**DRAWS[technique]))


@every_recurrent_family
@pytest.mark.parametrize("technique", RECURRENT_DRAWS)
def test_so_it_is_with_what_recurrences_have_alone(family: Family, technique: str) -> None:
    assert_draws_in_training_alone(family.random(**RECURRENT_DRAWS[technique]))


@every_recurrent_family
@pytest.mark.parametrize("backend", ["native", "torch"])
def test_weight_drop_leaves_the_rest_of_the_recurrence_alone(family: Family, backend: str) -> None:
    """It drops entries of the recurrent matrix, so the first step from zeros does not feel it."""
    model = family.random(recurrent_dropout=0.5, backend=backend, num_hidden_layers=1).train()
    first, second = (model.model(token_ids(2, 6))[0] for _ in range(2))
    assert_close(first[:, 0], second[:, 0])
    assert not torch.allclose(first[:, 1:], second[:, 1:])


@every_family
def test_word_dropout_drops_a_word_wherever_it_occurs(family: Family) -> None:
    model, ids = family.random(word_dropout=0.5).train(), token_ids(3, 9)
    embedded: list[Tensor] = []
    # In a Transformer positions are added next, so what it projects is looked at.
    part = getattr(model.model, "embedding_projection", model.model.embedding_dropout)
    part.register_forward_pre_hook(lambda module, args: embedded.append(args[0].detach()))
    model(ids)
    kept = embedded[0].abs().sum(-1) > 0
    for word in ids.unique():
        assert len(kept[ids == word].unique()) == 1
    assert not kept.all() and kept.any()


def definition(model: Any, ids: Tensor, epsilon: float) -> Tensor:
    """Adversarial training by autograd: the margin off the logit of each target."""
    hidden = model.output_projection(model.model(ids)[0])[:, :-1]
    logits, targets = model.lm_head(hidden), ids[:, 1:]
    radius = epsilon * model.lm_head.weight.detach()[targets].norm(dim=-1)
    margin = (radius * hidden.norm(dim=-1)).unsqueeze(-1)
    lowered = logits.scatter_add(-1, targets.unsqueeze(-1), -margin)
    return torch.nn.functional.cross_entropy(lowered.flatten(0, 1), targets.flatten())


@every_family_with("full", "tied", "tied_with_projection")
@pytest.mark.parametrize("num_sampled", [None, 11])
def test_adversarial_training_is_that_of_the_definition_and_evaluation_knows_none_of_it(
    family: Family, output_layer: str, num_sampled: int | None
) -> None:
    settings = {**OUTPUT_LAYERS[output_layer], "num_sampled": num_sampled}
    model, ids = family.random(**settings, adversarial_epsilon=0.3), token_ids(2, 6)
    plain = family.random(**settings)
    outputs = model.train()(ids, labels=ids)
    expected = definition(model, ids, 0.3)
    assert_close(outputs.loss, expected)
    assert_close(gradients(model, outputs.loss), gradients(model, expected))
    exact = plain.eval()(ids, labels=ids).loss
    assert_close(outputs.cross_entropy, exact.detach())
    evaluated = model.eval()(ids, labels=ids)
    assert_close(evaluated.loss, exact)
    assert evaluated.cross_entropy is None
    assert plain.train()(ids, labels=ids).cross_entropy is None


def augmented(model: Any, ids: Tensor, gamma: float, temperature: float) -> Tensor:
    """The augmented loss by autograd, from all logits."""
    z, targets = model(ids).logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten()
    embeddings = model.get_input_embeddings().weight.detach()
    t = torch.softmax(embeddings[targets] @ embeddings.t() / temperature, -1)
    divergence = (t * (t.log() - torch.log_softmax(z / temperature, -1))).sum(-1).mean()
    return torch.nn.functional.cross_entropy(z, targets) + gamma * temperature * divergence


@every_family_with("full", "tied", "tied_with_projection")
def test_the_augmented_loss_is_that_of_the_definition_and_evaluation_knows_none_of_it(
    family: Family, output_layer: str
) -> None:
    settings = {"augmented_loss": 0.6, "augmented_temperature": 3.0}
    model, ids = family.random(**OUTPUT_LAYERS[output_layer], **settings), token_ids(2, 6)
    plain = family.random(**OUTPUT_LAYERS[output_layer])
    model.train()
    for skip_logits in (False, True):
        expected = augmented(model, ids, 0.6, 3.0)
        outputs = model(ids, labels=ids, skip_logits=skip_logits)
        assert_close(outputs.loss, expected)
        assert_close(gradients(model, outputs.loss), gradients(model, expected))
    exact = plain.eval()(ids, labels=ids).loss
    assert_close(outputs.cross_entropy, exact.detach())
    evaluated = model.eval()(ids, labels=ids)
    assert_close(evaluated.loss, exact)
    assert evaluated.cross_entropy is None


@every_recurrent_family
def test_activation_penalties_are_in_the_training_loss_alone(family: Family) -> None:
    weights = {"activation_regularization": 2.0, "temporal_activation_regularization": 0.5}
    model, ids = family.random(**weights, output_dropout=0.3), token_ids(2, 6)
    seen: list[Tensor] = []
    model.model.dropouts[-1].register_forward_hook(
        lambda module, args, result: seen.extend([args[0], result])
    )
    outputs = model.train()(ids, labels=ids)
    hidden, dropped = seen
    penalty = 2.0 * dropped[:, :-1].square().mean(-1).sum()
    penalty = penalty + 0.5 * (hidden[:, 1:-1] - hidden[:, :-2]).square().mean(-1).sum()
    expected = outputs.cross_entropy + penalty / (2 * 5)
    assert_close(outputs.loss.detach(), expected.detach())
    plain = family.random().eval()(ids, labels=ids).loss
    assert_close(model.eval()(ids, labels=ids).loss, plain)


@every_recurrent_family
def test_two_halves_of_a_batch_add_up_to_the_whole_with_penalties(family: Family) -> None:
    weights = {"activation_regularization": 2.0, "temporal_activation_regularization": 0.5}
    model, ids = family.random(**weights).train(), token_ids(4, 7)
    halves = sum(
        model(ids[rows], labels=ids[rows], num_items_in_batch=24).loss
        for rows in (slice(0, 2), slice(2, 4))
    )
    assert_close(halves, model(ids, labels=ids).loss)
