"""Every family is known to the Auto classes under its fixed name."""

from pathlib import Path

from datasets import Dataset
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, Trainer, TrainingArguments
from transformers.modelcard import TrainingSummary
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

import hf_lmcourse
from hf_lmcourse import DANConfig, DANForSequenceClassification
from hf_lmcourse.models.families import MODEL_TYPES, is_classifier
from hf_lmcourse.models.registration import register_causal_lm

from .families import FAMILIES, Family, every_family, every_own_family


def test_the_table_of_families_is_complete() -> None:
    own = {model_type for model_type in MODEL_TYPES if not is_classifier(model_type)}
    assert {family.config_class.model_type for family in FAMILIES} == own


@every_own_family
def test_the_model_type_is_the_fixed_name(family: Family) -> None:
    assert family.config_class.model_type == f"lmcourse_{family.name}"


@every_family
def test_the_auto_classes_build_the_family(family: Family) -> None:
    config = AutoConfig.for_model(family.config_class.model_type, **family.settings)
    assert type(config) is family.config_class
    model = AutoModelForCausalLM.from_config(config)
    assert type(model) is family.model_class
    assert type(AutoModel.from_config(config)) is type(model.model)


@every_family
def test_trainer_knows_that_the_labels_are_shifted(family: Family) -> None:
    model = family.initial()
    assert model.loss_type == "ForCausalLM"
    assert type(model).__name__ in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values()


def test_the_model_card_of_trainer_has_the_results_of_a_classifier(tmp_path: Path) -> None:
    texts = Dataset.from_dict({"input_ids": [[1, 2], [2, 3]], "labels": [0, 1]})
    trainer = Trainer(
        DANForSequenceClassification(DANConfig(vocab_size=4, hidden_size=4, embedding_size=4)),
        TrainingArguments(tmp_path, max_steps=1, use_cpu=True, report_to="none"),
        train_dataset=texts,
        eval_dataset=texts,
        compute_metrics=lambda _: {"accuracy": 0.5},
    )
    trainer.train()
    trainer.evaluate()
    summary = TrainingSummary.from_trainer(trainer, dataset="texts", dataset_tags="texts")
    [model] = summary.create_metadata()["model-index"]
    [result] = model["results"]
    assert result["task"]["type"] == "text-classification"
    assert result["metrics"][0]["value"] == 0.5


@every_family
def test_registering_twice_changes_nothing(family: Family) -> None:
    body = type(family.initial().model)
    register_causal_lm(family.config_class, body, family.model_class)
    assert type(AutoModelForCausalLM.from_config(family.config())) is family.model_class


@every_own_family
def test_the_classes_are_exported_from_the_package(family: Family) -> None:
    body = type(family.initial().model)
    for exported in (family.config_class, family.model_class, body):
        assert getattr(hf_lmcourse, exported.__name__) is exported
        assert exported.__name__ in hf_lmcourse.__all__
