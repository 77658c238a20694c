"""Make a family known to transformers' Auto classes."""

from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    PreTrainedConfig,
    PreTrainedModel,
)
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES,
)

from .causal_lm import LanguageModelForCausalLM, LMCoursePreTrainedModel
from .families import note_family


def register_causal_lm(
    config: type[PreTrainedConfig],
    model: type[LMCoursePreTrainedModel],
    causal_lm: type[LanguageModelForCausalLM],
) -> None:
    """Register a family with `AutoConfig`, `AutoModel` and `AutoModelForCausalLM`.

    The name is also registered where Trainer's label smoother looks whether labels are shifted.
    """
    AutoConfig.register(config.model_type, config, exist_ok=True)
    AutoModel.register(config, model, exist_ok=True)
    AutoModelForCausalLM.register(config, causal_lm, exist_ok=True)
    MODEL_FOR_CAUSAL_LM_MAPPING_NAMES[config.model_type] = causal_lm.__name__
    note_family(config.model_type, classifier=False)


def register_classifier(
    config: type[PreTrainedConfig],
    model: type[PreTrainedModel],
    classifier: type[PreTrainedModel],
) -> None:
    """Register a family with `AutoConfig`, `AutoModel` and `AutoModelForSequenceClassification`.

    The name is also registered where Trainer's model card looks for the task of the results.
    """
    AutoConfig.register(config.model_type, config, exist_ok=True)
    AutoModel.register(config, model, exist_ok=True)
    AutoModelForSequenceClassification.register(config, classifier, exist_ok=True)
    MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES[config.model_type] = classifier.__name__
    note_family(config.model_type, classifier=True)
