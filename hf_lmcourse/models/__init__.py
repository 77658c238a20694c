"""The model families, each imported when one of its classes or its model type is asked for.

Importing one registers it with transformers' Auto classes.
"""

from typing import TYPE_CHECKING, Any

from .families import EXPORTS, import_family

if TYPE_CHECKING:
    from .bigram_mlp import BigramMLPConfig, BigramMLPForCausalLM, BigramMLPModel
    from .char_rnn import CharRNNConfig, CharRNNForCausalLM, CharRNNModel
    from .dan import DANConfig, DANForSequenceClassification, DANModel
    from .gru import GRUConfig, GRUForCausalLM, GRUModel
    from .lstm import LSTMConfig, LSTMForCausalLM, LSTMModel
    from .ngram_fnn import NGramFNNConfig, NGramFNNForCausalLM, NGramFNNModel
    from .transformer import TransformerConfig, TransformerForCausalLM, TransformerModel
else:

    def __getattr__(name: str) -> Any:
        if name not in EXPORTS:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_family(EXPORTS[name]), name)

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})


__all__ = [
    "BigramMLPConfig",
    "BigramMLPForCausalLM",
    "BigramMLPModel",
    "CharRNNConfig",
    "CharRNNForCausalLM",
    "CharRNNModel",
    "DANConfig",
    "DANForSequenceClassification",
    "DANModel",
    "GRUConfig",
    "GRUForCausalLM",
    "GRUModel",
    "LSTMConfig",
    "LSTMForCausalLM",
    "LSTMModel",
    "NGramFNNConfig",
    "NGramFNNForCausalLM",
    "NGramFNNModel",
    "TransformerConfig",
    "TransformerForCausalLM",
    "TransformerModel",
]
