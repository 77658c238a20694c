"""A loaded model computes what the saved one computed, to the last bit."""

from pathlib import Path

import torch

from hf_lmcourse import DANConfig, DANForSequenceClassification

from .families import FAMILIES, OUTPUT_LAYERS, Family, every_family_and_output_layer, token_ids


@every_family_and_output_layer
def test_a_loaded_language_model_gives_the_same_bits(
    family: Family, output_layer: str, tmp_path: Path
) -> None:
    model = family.random(**OUTPUT_LAYERS[output_layer]).float()
    model.save_pretrained(tmp_path)
    loaded = type(model).from_pretrained(tmp_path)
    ids = token_ids(3, 17)
    with torch.no_grad():
        assert torch.equal(loaded(ids).logits, model(ids).logits)
    assert all(tensor.data_ptr() % 64 == 0 for tensor in loaded.parameters())


def test_a_loaded_classifier_gives_the_same_bits(tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = DANConfig(vocab_size=11, embedding_size=13, hidden_size=7, ngram_buckets=5)
    model = DANForSequenceClassification(config).eval()
    model.save_pretrained(tmp_path)
    loaded, report = type(model).from_pretrained(tmp_path, output_loading_info=True)
    assert not any(report.values())
    ids = token_ids(3, 17)
    with torch.no_grad():
        assert torch.equal(loaded(ids).logits, model(ids).logits)


def test_tied_weights_stay_tied(tmp_path: Path) -> None:
    model = FAMILIES[0].random(output_layer="tied", embedding_size=16).float()
    model.save_pretrained(tmp_path)
    loaded = type(model).from_pretrained(tmp_path)
    assert loaded.lm_head.weight is loaded.model.embed_tokens.weight
