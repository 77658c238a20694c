"""Embeddings read from a file: kept or trained, in every family, saved and loaded."""

from pathlib import Path
from typing import Any

import pytest
import torch

from .families import VOCABULARY, Family, assert_close, every_family, gradients, token_ids

KEPT = torch.tensor([2, 5])
OTHERS = torch.tensor([i for i in range(VOCABULARY) if i not in (2, 5)])
IDS = torch.arange(VOCABULARY)[None]


def with_vectors(family: Family, **changes: Any) -> Any:
    model = family.random(**changes)
    size = model.config.embedding_size
    model.model.set_vectors(KEPT, torch.arange(2.0 * size).view(2, size))
    return model


@every_family
@pytest.mark.parametrize("freeze", [True, False])
@pytest.mark.parametrize("sparse", [{}, {"sparse_gradients": True, "num_sampled": VOCABULARY}])
def test_only_vectors_from_a_file_are_ever_kept(
    family: Family, freeze: bool, sparse: dict[str, Any]
) -> None:
    model = with_vectors(family, freeze_vectors=freeze, **sparse)
    gradient = gradients(model, model(IDS, labels=IDS).loss)["model.embed_tokens.weight"]
    assert gradient.is_sparse == bool(sparse)
    moves = gradient.to_dense().abs().sum(1) > 0
    moves[-1] = True  # the last input predicts nothing
    assert moves[OTHERS].all()
    assert moves[KEPT].all() != freeze


@every_family
def test_kept_vectors_change_no_value_and_no_other_gradient(family: Family) -> None:
    kept, trained = (with_vectors(family, freeze_vectors=freeze) for freeze in (True, False))
    ids = token_ids(2, 6)
    ours, theirs = kept(ids, labels=ids), trained(ids, labels=ids)
    assert_close(ours.logits, theirs.logits)
    ours_d, theirs_d = gradients(kept, ours.loss), gradients(trained, theirs.loss)
    for name in theirs_d:
        rows = OTHERS if name == "model.embed_tokens.weight" else slice(None)
        assert_close(ours_d[name][rows], theirs_d[name][rows])


@every_family
def test_which_vectors_are_kept_survives_saving_and_resizing(
    family: Family, tmp_path: Path
) -> None:
    with_vectors(family, freeze_vectors=True).save_pretrained(tmp_path)
    loaded: Any = family.model_class.from_pretrained(tmp_path)
    assert loaded.model.embed_tokens.has_vector.nonzero().flatten().tolist() == KEPT.tolist()
    for size in (VOCABULARY + 3, VOCABULARY - 4):
        loaded.resize_token_embeddings(size, mean_resizing=False)
        kept = loaded.model.embed_tokens.has_vector
        assert len(kept) == size
        assert kept.nonzero().flatten().tolist() == KEPT.tolist()
        assert loaded(torch.arange(size)[None]).logits.shape[-1] == size


@every_family
def test_a_base_model_alone_is_resized_with_what_is_kept(family: Family) -> None:
    body = with_vectors(family, freeze_vectors=True).model
    size = VOCABULARY + 3
    body.resize_token_embeddings(size, mean_resizing=False)
    assert body.embed_tokens.has_vector.nonzero().flatten().tolist() == KEPT.tolist()
    assert body(torch.arange(size)[None]).last_hidden_state.shape[1] == size


@every_family
def test_a_model_without_kept_vectors_saves_nothing_about_them(family: Family) -> None:
    assert not any("has_vector" in name for name in family.initial().state_dict())
