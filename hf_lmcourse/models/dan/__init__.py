"""The family `lmcourse_dan`: deep averaging network."""

from ..registration import register_classifier
from .configuration_dan import DANConfig
from .modeling_dan import DANForSequenceClassification, DANModel

__all__ = ["DANConfig", "DANForSequenceClassification", "DANModel"]

register_classifier(DANConfig, DANModel, DANForSequenceClassification)
